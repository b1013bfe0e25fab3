#include "base/file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "base/text.h"

namespace edgeonnx {

std::vector<std::byte> read_model_file(const std::string& path, int64_t most_bytes) {
  const auto fail = [&path](int number) -> Error {
    return Error(Code::kIo, "the model file " + in_quotes(path) + " can't be read: " + std::strerror(number));
  };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (!file) throw fail(errno);
  std::vector<std::byte> bytes;
  constexpr size_t kStep = 1 << 20;
  while (true) {
    const size_t n_before = bytes.size();
    bytes.resize(n_before + kStep);
    const size_t n_read = std::fread(bytes.data() + n_before, 1, kStep, file.get());
    bytes.resize(n_before + n_read);
    if (std::ferror(file.get())) throw fail(errno);
    if (static_cast<int64_t>(bytes.size()) > most_bytes) {
      throw Error(Code::kInvalidModel,
                  in_quotes(path) + " has more than the " + std::to_string(most_bytes) + " bytes that max_model_bytes allows");
    }
    if (n_read < kStep) return bytes;
  }
}

}  // namespace edgeonnx
