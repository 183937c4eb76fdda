// a · b + c, which is all by which the three modules of products differ. The build sets the constants.

// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c)
  if (isDefined(EMULATED)) return emulated(a, b, c)
  return f32x4.add(c, f32x4.mul(a, b))
}

// The result of a processor's fused multiply-add, from operations that WebAssembly defines to the bit. A product of two
// float32 is exact in float64. Their sum rounded to float64, then to float32, differs from the sum rounded once only where
// the first rounding reached, or left, the middle between two float32. There the low 29 bits are 0x10000000; a subnormal
// float32 has its middles elsewhere.
function emulated(a: v128, b: v128, c: v128): v128 {
  const low = f64x2.add(f64x2.mul(lower(a), lower(b)), lower(c))
  const high = f64x2.add(f64x2.mul(upper(a), upper(b)), upper(c))
  const words = v128.shuffle<i32>(low, high, 0, 2, 4, 6)
  const tops = v128.shuffle<i32>(low, high, 1, 3, 5, 7)
  const middle = i32x4.eq(v128.and(words, i32x4.splat(0x1fffffff)), i32x4.splat(0x10000000))
  // 0 < |sum| < 2⁻¹²⁶
  const tiny = i32x4.lt_u(i32x4.sub(v128.and(tops, i32x4.splat(0x7fffffff)), i32x4.splat(1)), i32x4.splat(0x380fffff))
  if (v128.any_true(v128.or(middle, tiny))) return roundedOnce(a, b, c)
  return joined(low, high)
}

// By way of a sum rounded to odd, whose rounding to float32 is as if it were the only one (Boldo & Melquiond, Emulation of
// FMA and Correctly Rounded Sums, 2008).
function roundedOnce(a: v128, b: v128, c: v128): v128 {
  return joined(
    sumToOdd(f64x2.mul(lower(a), lower(b)), lower(c)),
    sumToOdd(f64x2.mul(upper(a), upper(b)), upper(c)),
  )
}

// p + z in two lanes. Knuth's two-sum: `rest` is what the rounded sum lacks.
function sumToOdd(p: v128, z: v128): v128 {
  const sum = f64x2.add(p, z)
  const q = f64x2.sub(sum, p)
  const rest = f64x2.add(f64x2.sub(p, f64x2.sub(sum, q)), f64x2.sub(z, q))
  const inexact = f64x2.gt(f64x2.abs(rest), f64x2.splat(0))
  const away = i64x2.shr_u(v128.and(v128.xor(rest, sum), inexact), 63)
  return v128.or(i64x2.sub(sum, away), i64x2.shr_u(inexact, 63))
}

// @ts-ignore: decorator
@inline
function lower(a: v128): v128 {
  return f64x2.promote_low_f32x4(a)
}

// @ts-ignore: decorator
@inline
function upper(a: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<f32>(a, a, 2, 3, 2, 3))
}

// @ts-ignore: decorator
@inline
function joined(low: v128, high: v128): v128 {
  return v128.shuffle<f32>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 1, 4, 5)
}
