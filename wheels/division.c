// Divisions of 128 bits, linked before zig's compiler_rt, which has them too: it is one object file, so that whoever takes a division from
// it gets its exp, log and memcpy as well, in the place of glibc's, which have other last bits and another speed. See zig.py.
typedef unsigned __int128 Wide;
typedef unsigned long long Word;

// The processor's own: `high` is less than `by`.
static Word divide(Word high, Word low, Word by) {
  Word quotient, rest;
  __asm__("divq %4" : "=a"(quotient), "=d"(rest) : "a"(low), "d"(high), "r"(by) : "cc");
  return quotient;
}

Wide __udivti3(Wide a, Wide b) {
  if (a < b) return 0;
  const Word high = (Word)(a >> 64), by = (Word)(b >> 64);
  if (by == 0) return (Wide)(high / (Word)b) << 64 | divide(high % (Word)b, (Word)a, (Word)b);
  const int shift = __builtin_clzll(by);
  if (shift == 0) return 1;
  // Hacker's Delight, 9-5: the quotient by the leading 64 bits of b is right or one too large.
  Word quotient = divide((Word)(a >> 65), (Word)(a >> 1), (Word)(b << shift >> 64)) >> (63 - shift);
  if (quotient) --quotient;
  return a - quotient * b >= b ? quotient + 1 : quotient;
}

__int128 __divti3(__int128 a, __int128 b) {
  const Wide quotient = __udivti3(a < 0 ? -(Wide)a : (Wide)a, b < 0 ? -(Wide)b : (Wide)b);
  return (__int128)((a < 0) != (b < 0) ? -quotient : quotient);
}
