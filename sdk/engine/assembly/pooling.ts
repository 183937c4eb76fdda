// Pooling over windows of an image [height, width, channels]. Channels are a multiple of 4; pixels are `pixel` bytes
// apart.

// out = the largest value of each window, or NaN if a value is NaN, which the faster pmax would miss. Windows are cut
// to the image, `height` × `width`.
export function maxPool(
  x: usize, height: i32, width: i32, pixel: usize, sizeY: i32, sizeX: i32, strideY: i32, strideX: i32, top: i32, left: i32,
  out: usize, outHeight: i32, outWidth: i32,
): void {
  for (let oy = 0; oy < outHeight; oy++) {
    const y0 = max(0, oy * strideY - top), y1 = min(height, oy * strideY - top + sizeY)
    for (let ox = 0; ox < outWidth; ox++, out += pixel) {
      const x0 = max(0, ox * strideX - left), x1 = min(width, ox * strideX - left + sizeX)
      for (let c: usize = 0; c < pixel; c += 16) {
        let most = f32x4.splat(-Infinity)
        for (let y = y0; y < y1; y++) {
          let p = x + <usize>(y * width + x0) * pixel + c
          for (let i = x0; i < x1; i++, p += pixel) most = f32x4.max(most, v128.load(p))
        }
        v128.store(out + c, most)
      }
    }
  }
}

// dx += dy at the first pixel of each window with the largest value. dx must be zero before.
export function maxPoolGradient(
  x: usize, height: i32, width: i32, pixel: usize, sizeY: i32, sizeX: i32, strideY: i32, strideX: i32, top: i32, left: i32,
  out: usize, outHeight: i32, outWidth: i32, dy: usize, dx: usize,
): void {
  for (let oy = 0; oy < outHeight; oy++) {
    const y0 = max(0, oy * strideY - top), y1 = min(height, oy * strideY - top + sizeY)
    for (let ox = 0; ox < outWidth; ox++, out += pixel, dy += pixel) {
      const x0 = max(0, ox * strideX - left), x1 = min(width, ox * strideX - left + sizeX)
      for (let c: usize = 0; c < pixel; c += 16) {
        const most = v128.load(out + c)
        let gradient = v128.load(dy + c)
        for (let y = y0; y < y1; y++) {
          let p = <usize>(y * width + x0) * pixel + c
          for (let i = x0; i < x1; i++, p += pixel) {
            const here = f32x4.eq(v128.load(x + p), most)
            v128.store(dx + p, f32x4.add(v128.load(dx + p), v128.and(gradient, here)))
            gradient = v128.andnot(gradient, here)
          }
        }
      }
    }
  }
}
