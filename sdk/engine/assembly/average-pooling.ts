// Means over windows of an image [height, width, channels]; arguments as in pooling.ts. Only a window's part inside the
// image counts.
export function averagePool(
  x: usize, height: i32, width: i32, pixel: usize, sizeY: i32, sizeX: i32, strideY: i32, strideX: i32, top: i32, left: i32,
  out: usize, outHeight: i32, outWidth: i32,
): void {
  for (let oy = 0; oy < outHeight; oy++) {
    const y0 = max(0, oy * strideY - top), y1 = min(height, oy * strideY - top + sizeY)
    for (let ox = 0; ox < outWidth; ox++, out += pixel) {
      const x0 = max(0, ox * strideX - left), x1 = min(width, ox * strideX - left + sizeX)
      const count = f32x4.splat(<f32>((y1 - y0) * (x1 - x0)))
      for (let c: usize = 0; c < pixel; c += 16) {
        let sum = f32x4.splat(0)
        for (let y = y0; y < y1; y++) {
          let p = x + <usize>(y * width + x0) * pixel + c
          for (let i = x0; i < x1; i++, p += pixel) sum = f32x4.add(sum, v128.load(p))
        }
        v128.store(out + c, f32x4.div(sum, count))
      }
    }
  }
}

// dx += dy / count for each value of each window.
export function averagePoolGradient(
  height: i32, width: i32, pixel: usize, sizeY: i32, sizeX: i32, strideY: i32, strideX: i32, top: i32, left: i32,
  outHeight: i32, outWidth: i32, dy: usize, dx: usize,
): void {
  for (let oy = 0; oy < outHeight; oy++) {
    const y0 = max(0, oy * strideY - top), y1 = min(height, oy * strideY - top + sizeY)
    for (let ox = 0; ox < outWidth; ox++, dy += pixel) {
      const x0 = max(0, ox * strideX - left), x1 = min(width, ox * strideX - left + sizeX)
      const count = f32x4.splat(<f32>((y1 - y0) * (x1 - x0)))
      for (let c: usize = 0; c < pixel; c += 16) {
        const share = f32x4.div(v128.load(dy + c), count)
        for (let y = y0; y < y1; y++) {
          let p = dx + <usize>(y * width + x0) * pixel + c
          for (let i = x0; i < x1; i++, p += pixel) v128.store(p, f32x4.add(v128.load(p), share))
        }
      }
    }
  }
}

// Each of `rows` rows of `pitch` bytes becomes scale · source.
export function repeatRow(source: usize, scale: f32, target: usize, rows: i32, pitch: usize): void {
  const factor = f32x4.splat(scale)
  for (let row = 0; row < rows; row++) {
    for (let c: usize = 0; c < pitch; c += 16, target += 16) v128.store(target, f32x4.mul(v128.load(source + c), factor))
  }
}
