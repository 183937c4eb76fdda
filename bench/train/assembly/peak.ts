// Multiplications and additions of 4 float32 in 12 chains in registers, none of which waits for another or for memory: the
// peak of a kernel. Each product is another one, so that none is left out.
import { madd } from '../../../sdk/engine/assembly/products/madd'

export function peak(times: i32): f32 {
  const x = f32x4.splat(0.5), factor = f32x4.splat(1.0000001)
  let a = f32x4.splat(1), b = f32x4.splat(2), c = f32x4.splat(3), d = f32x4.splat(4)
  let e = f32x4.splat(5), f = f32x4.splat(6), g = f32x4.splat(7), h = f32x4.splat(8)
  let i = f32x4.splat(9), j = f32x4.splat(10), k = f32x4.splat(11), l = f32x4.splat(12)
  for (let time = 0; time < times; time++) {
    a = madd(a, factor, x)
    b = madd(b, factor, x)
    c = madd(c, factor, x)
    d = madd(d, factor, x)
    e = madd(e, factor, x)
    f = madd(f, factor, x)
    g = madd(g, factor, x)
    h = madd(h, factor, x)
    i = madd(i, factor, x)
    j = madd(j, factor, x)
    k = madd(k, factor, x)
    l = madd(l, factor, x)
  }
  const first = f32x4.add(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)), f32x4.add(f32x4.add(e, f), f32x4.add(g, h)))
  const sum = f32x4.add(first, f32x4.add(f32x4.add(i, j), f32x4.add(k, l)))
  return f32x4.extract_lane(sum, 0)
}
