// Multiplications and additions of 4 float32 with 8 sums in registers, none of which waits for memory: the peak of a
// kernel.
export function peak(times: i32): f32 {
  const factor = f32x4.splat(1.0000001)
  let a = f32x4.splat(1), b = f32x4.splat(2), c = f32x4.splat(3), d = f32x4.splat(4)
  let e = f32x4.splat(5), f = f32x4.splat(6), g = f32x4.splat(7), h = f32x4.splat(8)
  let x = f32x4.splat(0.5)
  for (let i = 0; i < times; i++) {
    a = f32x4.add(a, f32x4.mul(x, factor))
    b = f32x4.add(b, f32x4.mul(x, a))
    c = f32x4.add(c, f32x4.mul(x, factor))
    d = f32x4.add(d, f32x4.mul(x, c))
    e = f32x4.add(e, f32x4.mul(x, factor))
    f = f32x4.add(f, f32x4.mul(x, e))
    g = f32x4.add(g, f32x4.mul(x, factor))
    h = f32x4.add(h, f32x4.mul(x, g))
  }
  const sum = f32x4.add(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)), f32x4.add(f32x4.add(e, f), f32x4.add(g, h)))
  return f32x4.extract_lane(sum, 0)
}
