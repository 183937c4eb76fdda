// Softmax over the first `columns` values of each row, and its gradient. Rows are `pitch` bytes apart, a multiple of 16.
// Sums are in float32: of four partial sums in the order of the columns.
import { exp4 } from './transcendental'

// @ts-ignore: decorator
@inline
function laneSum(sums: v128): f32 {
  return (
    f32x4.extract_lane(sums, 0) + f32x4.extract_lane(sums, 2) + (f32x4.extract_lane(sums, 1) + f32x4.extract_lane(sums, 3))
  )
}

// @ts-ignore: decorator
@inline
function laneMax(values: v128): f32 {
  return max<f32>(
    max<f32>(f32x4.extract_lane(values, 0), f32x4.extract_lane(values, 2)),
    max<f32>(f32x4.extract_lane(values, 1), f32x4.extract_lane(values, 3)),
  )
}

// Which of the four columns from `column` on take part: those before `limit` whose number in `mask` isn't 0. Mask 0: all.
// @ts-ignore: decorator
@inline
function partOf(column: i32, limit: v128, mask: usize): v128 {
  const before = i32x4.lt_s(i32x4.add(i32x4.splat(column), i32x4(0, 1, 2, 3)), limit)
  return mask == 0 ? before : v128.and(before, f32x4.ne(v128.load(mask + (<usize>column << 2)), f32x4.splat(0)))
}

// y = softmax(scale · x). Values that take no part become 0, and all of a row without a part. With `causal`, only columns
// up to the row's own number take part. The mask has room for whole vectors. x and y may be the same.
export function softmax(
  x: usize, y: usize, pitch: usize, rows: i32, columns: i32, scale: f32, causal: bool, mask: usize,
): void {
  const least = f32x4.splat(<f32>-Infinity), factor = f32x4.splat(scale)
  for (let row = 0; row < rows; row++, x += pitch, y += pitch) {
    const length = causal ? min<i32>(row + 1, columns) : columns
    const limit = i32x4.splat(length)
    let highest = least
    for (let c = 0; c < length; c += 4) {
      highest = f32x4.max(highest, v128.bitselect(v128.load(x + (<usize>c << 2)), least, partOf(c, limit, mask)))
    }
    const most = f32x4.splat(laneMax(highest))
    let sums = f32x4.splat(0)
    for (let c = 0; c < length; c += 4) {
      const off = f32x4.sub(v128.load(x + (<usize>c << 2)), most)
      const power = v128.and(exp4(f32x4.mul(off, factor)), partOf(c, limit, mask))
      v128.store(y + (<usize>c << 2), power)
      sums = f32x4.add(sums, power)
    }
    const sum = laneSum(sums)
    const share = f32x4.splat(sum == 0 ? 0 : <f32>1 / sum)
    const end = y + pitch
    let at = y
    for (const last = y + (<usize>length << 2); at < last; at += 16) v128.store(at, f32x4.mul(v128.load(at), share))
    if (at < end) memory.fill(at, 0, end - at)
  }
}

// dx = scale · y · (dy − Σ y · dy). Where y is 0, so is dx. dy and dx may be the same.
export function softmaxGradient(y: usize, dy: usize, dx: usize, pitch: usize, rows: i32, scale: f32): void {
  const factor = f32x4.splat(scale)
  for (let row = 0; row < rows; row++, y += pitch, dy += pitch, dx += pitch) {
    let sums = f32x4.splat(0)
    for (let at: usize = 0; at < pitch; at += 16) {
      sums = f32x4.add(sums, f32x4.mul(v128.load(y + at), v128.load(dy + at)))
    }
    const mean = f32x4.splat(laneSum(sums))
    for (let at: usize = 0; at < pitch; at += 16) {
      const off = f32x4.sub(v128.load(dy + at), mean)
      v128.store(dx + at, f32x4.mul(f32x4.mul(v128.load(y + at), factor), off))
    }
  }
}
