#include "ort/needed_libraries.h"

#include <elf.h>

#include <cstring>
#include <fstream>
#include <optional>

namespace edgeonnx::ort {
namespace {

/// The parts of an ELF file that are asked for; files of providers have hundreds of MB, of which a few KB are read.
class ElfFile {
 public:
  explicit ElfFile(const std::string& path) : file_(path, std::ios::binary) {}

  template <class T>
  std::optional<T> read(uint64_t offset) {
    T value;
    file_.clear();
    if (!file_.seekg(static_cast<std::streamoff>(offset)) || !file_.read(reinterpret_cast<char*>(&value), sizeof value))
      return std::nullopt;
    return value;
  }

  std::string text(uint64_t offset) {
    std::string text;
    file_.clear();
    if (file_.seekg(static_cast<std::streamoff>(offset))) std::getline(file_, text, '\0');
    return text;
  }

 private:
  std::ifstream file_;
};

struct Segments {
  std::optional<Elf64_Phdr> dynamic;
  std::vector<Elf64_Phdr> loaded;

  /// Place in the file of what is mapped at `address`.
  std::optional<uint64_t> offset_of(uint64_t address) const {
    for (const Elf64_Phdr& each : loaded) {
      if (address >= each.p_vaddr && address - each.p_vaddr < each.p_filesz) return address - each.p_vaddr + each.p_offset;
    }
    return std::nullopt;
  }
};

Segments segments_of(ElfFile& file) {
  Segments segments;
  const auto header = file.read<Elf64_Ehdr>(0);
  const bool is_ours = header && std::memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 && header->e_ident[EI_CLASS] == ELFCLASS64;
  for (uint64_t i = 0; is_ours && i < header->e_phnum; ++i) {
    const auto segment = file.read<Elf64_Phdr>(header->e_phoff + i * sizeof(Elf64_Phdr));
    if (!segment) break;
    if (segment->p_type == PT_DYNAMIC) segments.dynamic = segment;
    if (segment->p_type == PT_LOAD) segments.loaded.push_back(*segment);
  }
  return segments;
}

}  // namespace

std::vector<std::string> needed_libraries(const std::string& path) {
  ElfFile file(path);
  const Segments segments = segments_of(file);
  if (!segments.dynamic) return {};
  std::vector<uint64_t> places;
  std::optional<uint64_t> strings;
  for (uint64_t i = 0; i < segments.dynamic->p_filesz / sizeof(Elf64_Dyn); ++i) {
    const auto entry = file.read<Elf64_Dyn>(segments.dynamic->p_offset + i * sizeof(Elf64_Dyn));
    if (!entry || entry->d_tag == DT_NULL) break;
    if (entry->d_tag == DT_NEEDED) places.push_back(entry->d_un.d_val);
    if (entry->d_tag == DT_STRTAB) strings = segments.offset_of(entry->d_un.d_ptr);
  }
  std::vector<std::string> names;
  for (const uint64_t place : places) {
    if (strings) names.push_back(file.text(*strings + place));
  }
  return names;
}

}  // namespace edgeonnx::ort
