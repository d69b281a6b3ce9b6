// Compiled for any processor of its kind, so that it can be asked before the rest is trusted to run.
#if defined(__x86_64__)
#include <cpuid.h>

namespace {

bool has(unsigned word, unsigned long bits) { return (word & bits) == bits; }

}  // namespace
#endif

// Asks the processor and, for the registers that it must save, the operating system; the bits are those of Intel's manual, volume 2A,
// CPUID. Not by the compilers' own function for it, as not all of their runtimes have it.
extern "C" __attribute__((visibility("default"))) int fittool_supported() {
#if defined(__x86_64__)
    unsigned a, b, c, d, base, extended_base, features;
    if (!__get_cpuid(1, &a, &b, &base, &d) || !__get_cpuid(0x80000001, &a, &b, &extended_base, &d)) return 0;
    if (!__get_cpuid_count(7, 0, &a, &features, &c, &d)) return 0;
    if (!has(base, 1ul << 12 | 1ul << 22 | 1ul << 27 | 1ul << 29)) return 0;  // FMA, MOVBE, XGETBV allowed, F16C
    unsigned saved, rest;
    __asm__("xgetbv" : "=a"(saved), "=d"(rest) : "c"(0));
    const bool avx2 = has(features, 1ul << 3 | 1ul << 5 | 1ul << 8) && has(extended_base, 1ul << 5) && has(saved, 0x6);
#if defined(FOR_AVX512)
    // F, DQ, CD, BW and VL, and masks and wide registers saved
    return avx2 && has(features, 1ul << 16 | 1ul << 17 | 1ul << 28 | 1ul << 30 | 1ul << 31) && has(saved, 0xE6);
#else
    return avx2;
#endif
#else
    return 1;
#endif
}
