// Multiplications and additions of 4 float32 in registers, which don't wait for memory: the peak of a kernel. Answers with
// the number of multiplications and additions of one of `times` passes.
import { madd } from '../../../sdk/engine/assembly/products/madd'

// Keeps the sums from being left out.
export let sum: f32 = 0

export function peak(times: i32): i32 {
  return ASC_FEATURE_RELAXED_SIMD ? twelveChains(times) : eightChains(times)
}

// Fused: a sum waits for one instruction, so that 12 chains keep all units busy.
function twelveChains(times: i32): i32 {
  const x = f32x4.splat(0.5), p = f32x4.splat(1.0000001)
  let a = f32x4.splat(1), b = f32x4.splat(2), c = f32x4.splat(3), d = f32x4.splat(4)
  let e = f32x4.splat(5), f = f32x4.splat(6), g = f32x4.splat(7), h = f32x4.splat(8)
  let i = f32x4.splat(9), j = f32x4.splat(10), k = f32x4.splat(11), l = f32x4.splat(12)
  for (let time = 0; time < times; time++) {
    a = madd(x, p, a)
    b = madd(x, p, b)
    c = madd(x, p, c)
    d = madd(x, p, d)
    e = madd(x, p, e)
    f = madd(x, p, f)
    g = madd(x, p, g)
    h = madd(x, p, h)
    i = madd(x, p, i)
    j = madd(x, p, j)
    k = madd(x, p, k)
    l = madd(x, p, l)
  }
  sum = total(total4(a, b, c, d), total4(e, f, g, h), total4(i, j, k, l))
  return 12 * 8
}

// Plain: four products are those of sums, so that not all are computed once for all.
function eightChains(times: i32): i32 {
  const x = f32x4.splat(0.5), factor = f32x4.splat(1.0000001)
  let a = f32x4.splat(1), b = f32x4.splat(2), c = f32x4.splat(3), d = f32x4.splat(4)
  let e = f32x4.splat(5), f = f32x4.splat(6), g = f32x4.splat(7), h = f32x4.splat(8)
  for (let time = 0; time < times; time++) {
    a = madd(x, factor, a)
    b = madd(x, a, b)
    c = madd(x, factor, c)
    d = madd(x, c, d)
    e = madd(x, factor, e)
    f = madd(x, e, f)
    g = madd(x, factor, g)
    h = madd(x, g, h)
  }
  sum = total(total4(a, b, c, d), total4(e, f, g, h), x)
  return 8 * 8
}

// @ts-ignore: decorator
@inline
function total4(a: v128, b: v128, c: v128, d: v128): v128 {
  return f32x4.add(f32x4.add(a, b), f32x4.add(c, d))
}

// @ts-ignore: decorator
@inline
function total(a: v128, b: v128, c: v128): f32 {
  return f32x4.extract_lane(f32x4.add(f32x4.add(a, b), c), 0)
}
