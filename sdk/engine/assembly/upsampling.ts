// Larger images: each pixel of an image [height, width, channels] becomes a block of `sizeY` × `sizeX` pixels. Pixels are
// `pixel` bytes apart, a multiple of 16.

// Repeats each pixel in its block.
export function repeatPixels(x: usize, height: i32, width: i32, pixel: usize, sizeY: i32, sizeX: i32, out: usize): void {
  const line = <usize>(width * sizeX) * pixel
  for (let y = 0; y < height; y++, out += <usize>(sizeY - 1) * line) {
    const first = out
    for (let i = 0; i < width; i++, x += pixel) {
      for (let k = 0; k < sizeX; k++, out += pixel) memory.copy(out, x, pixel)
    }
    for (let k = 1; k < sizeY; k++) memory.copy(first + <usize>k * line, first, line)
  }
}

// dx = the sum of each block of dy.
export function sumPixels(dy: usize, height: i32, width: i32, pixel: usize, sizeY: i32, sizeX: i32, dx: usize): void {
  const line = <usize>(width * sizeX) * pixel
  for (let y = 0; y < height; y++, dy += <usize>sizeY * line) {
    for (let i = 0; i < width; i++) {
      const block = dy + <usize>(i * sizeX) * pixel
      for (let c: usize = 0; c < pixel; c += 16, dx += 16) {
        let sum = f32x4.splat(0)
        for (let ky = 0; ky < sizeY; ky++) {
          let p = block + <usize>ky * line + c
          for (let kx = 0; kx < sizeX; kx++, p += pixel) sum = f32x4.add(sum, v128.load(p))
        }
        v128.store(dx, sum)
      }
    }
  }
}

// Interpolates between a block's pixel and the next pixels below and to the right. At the image's end the last pixel
// stands for the next one.
export function interpolatePixels(x: usize, height: i32, width: i32, pixel: usize, sizeY: i32, sizeX: i32, out: usize): void {
  for (let oy = 0; oy < height * sizeY; oy++) {
    const y = oy / sizeY
    const above = x + <usize>(y * width) * pixel
    const below = x + <usize>(min(y + 1, height - 1) * width) * pixel
    const down = f32x4.splat(<f32>(oy % sizeY) / <f32>sizeY)
    for (let ox = 0; ox < width * sizeX; ox++, out += pixel) {
      const i = ox / sizeX
      const left = <usize>i * pixel, right = <usize>min(i + 1, width - 1) * pixel
      const across = f32x4.splat(<f32>(ox % sizeX) / <f32>sizeX)
      for (let c: usize = 0; c < pixel; c += 16) {
        const top = between(v128.load(above + left + c), v128.load(above + right + c), across)
        const bottom = between(v128.load(below + left + c), v128.load(below + right + c), across)
        v128.store(out + c, between(top, bottom, down))
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function between(a: v128, b: v128, share: v128): v128 {
  return f32x4.add(a, f32x4.mul(f32x4.sub(b, a), share))
}

// The adjoint of `interpolatePixels`: adds to dx, which must be zero before.
export function interpolatePixelsGradient(
  dy: usize, height: i32, width: i32, pixel: usize, sizeY: i32, sizeX: i32, dx: usize,
): void {
  const one = f32x4.splat(1)
  for (let oy = 0; oy < height * sizeY; oy++) {
    const y = oy / sizeY
    const above = dx + <usize>(y * width) * pixel
    const below = dx + <usize>(min(y + 1, height - 1) * width) * pixel
    const down = f32x4.splat(<f32>(oy % sizeY) / <f32>sizeY)
    for (let ox = 0; ox < width * sizeX; ox++, dy += pixel) {
      const i = ox / sizeX
      const left = <usize>i * pixel, right = <usize>min(i + 1, width - 1) * pixel
      const across = f32x4.splat(<f32>(ox % sizeX) / <f32>sizeX)
      for (let c: usize = 0; c < pixel; c += 16) {
        const gradient = v128.load(dy + c)
        const bottom = f32x4.mul(gradient, down), top = f32x4.mul(gradient, f32x4.sub(one, down))
        addTo(above + left + c, f32x4.mul(top, f32x4.sub(one, across)))
        addTo(above + right + c, f32x4.mul(top, across))
        addTo(below + left + c, f32x4.mul(bottom, f32x4.sub(one, across)))
        addTo(below + right + c, f32x4.mul(bottom, across))
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function addTo(target: usize, value: v128): void {
  v128.store(target, f32x4.add(v128.load(target), value))
}
