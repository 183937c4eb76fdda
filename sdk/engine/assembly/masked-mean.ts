// Means over the rows of each example whose number in `mask` isn't 0. Rows have `pitch` bytes, a multiple of 16. Without such
// rows the mean is 0.

// @ts-ignore: decorator
@inline
function countOf(mask: usize, rows: i32): i32 {
  let count = 0
  for (let row = 0; row < rows; row++) if (load<f32>(mask + (<usize>row << 2)) != 0) count++
  return count
}

export function maskedMean(x: usize, pitch: usize, rows: i32, mask: usize, out: usize, examples: i32): void {
  for (let example = 0; example < examples; example++, out += pitch, mask += <usize>rows << 2) {
    const count = countOf(mask, rows)
    const share = f32x4.splat(count == 0 ? 0 : <f32>1 / <f32>count)
    memory.fill(out, 0, pitch)
    for (let row = 0; row < rows; row++, x += pitch) {
      if (load<f32>(mask + (<usize>row << 2)) == 0) continue
      for (let at: usize = 0; at < pitch; at += 16) {
        v128.store(out + at, f32x4.add(v128.load(out + at), f32x4.mul(v128.load(x + at), share)))
      }
    }
  }
}

export function maskedMeanGradient(dy: usize, pitch: usize, rows: i32, mask: usize, dx: usize, examples: i32): void {
  for (let example = 0; example < examples; example++, dy += pitch, mask += <usize>rows << 2) {
    const count = countOf(mask, rows)
    const share = f32x4.splat(count == 0 ? 0 : <f32>1 / <f32>count)
    for (let row = 0; row < rows; row++, dx += pitch) {
      if (load<f32>(mask + (<usize>row << 2)) == 0) {
        memory.fill(dx, 0, pitch)
        continue
      }
      for (let at: usize = 0; at < pitch; at += 16) v128.store(dx + at, f32x4.mul(v128.load(dy + at), share))
    }
  }
}
