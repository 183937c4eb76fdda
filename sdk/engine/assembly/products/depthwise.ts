// Depthwise convolution of an image with a rim: each channel has its own window. Lines are `line` bytes apart, pixels
// `pixel` bytes, a multiple of 16. Weights are [sizeY, sizeX, channels], padded as pixels are.
import { madd } from './madd'

// Four outputs of a line share each loaded weight.
export function depthwise(
  x: usize, line: usize, pixel: usize, outHeight: i32, outWidth: i32, strideY: i32, strideX: i32, sizeY: i32, sizeX: i32,
  w: usize, bias: usize, out: usize,
): void {
  const step = <usize>strideX * pixel
  const fours = outWidth >> 2
  for (let oy = 0; oy < outHeight; oy++, x += <usize>strideY * line, out += <usize>outWidth * pixel) {
    for (let c: usize = 0; c < pixel; c += 16) {
      const start = v128.load(bias + c)
      let p = x + c, o = out + c
      for (let i = 0; i < fours; i++, p += 4 * step, o += 4 * pixel) {
        let a0 = start, a1 = start, a2 = start, a3 = start
        let t = w + c
        for (let ky = 0; ky < sizeY; ky++) {
          let q = p + <usize>ky * line
          for (let kx = 0; kx < sizeX; kx++, q += pixel, t += pixel) {
            const weight = v128.load(t)
            a0 = madd(v128.load(q), weight, a0)
            a1 = madd(v128.load(q + step), weight, a1)
            a2 = madd(v128.load(q + 2 * step), weight, a2)
            a3 = madd(v128.load(q + 3 * step), weight, a3)
          }
        }
        v128.store(o, a0)
        v128.store(o + pixel, a1)
        v128.store(o + 2 * pixel, a2)
        v128.store(o + 3 * pixel, a3)
      }
      for (let i = 4 * fours; i < outWidth; i++, p += step, o += pixel) {
        let sum = start
        let t = w + c
        for (let ky = 0; ky < sizeY; ky++) {
          let q = p + <usize>ky * line
          for (let kx = 0; kx < sizeX; kx++, q += pixel, t += pixel) sum = madd(v128.load(q), v128.load(t), sum)
        }
        v128.store(o, sum)
      }
    }
  }
}

// target += scale · Σ x · dy over the outputs.
export function depthwiseWeightGradient(
  x: usize, line: usize, pixel: usize, outHeight: i32, outWidth: i32, strideY: i32, strideX: i32, sizeY: i32, sizeX: i32,
  dy: usize, target: usize, scale: f32,
): void {
  const step = <usize>strideX * pixel
  const factor = f32x4.splat(scale)
  for (let ky = 0; ky < sizeY; ky++) {
    for (let kx = 0; kx < sizeX; kx++) {
      for (let c: usize = 0; c < pixel; c += 16, target += 16) {
        let sum = f32x4.splat(0)
        let p = x + <usize>ky * line + <usize>kx * pixel + c
        let d = dy + c
        for (let oy = 0; oy < outHeight; oy++, p += <usize>strideY * line) {
          let q = p
          for (let ox = 0; ox < outWidth; ox++, q += step, d += pixel) sum = madd(v128.load(q), v128.load(d), sum)
        }
        v128.store(target, madd(sum, factor, v128.load(target)))
      }
    }
  }
}

// dx += w · dy, for each pixel of each window.
export function depthwiseInputGradient(
  dx: usize, line: usize, pixel: usize, outHeight: i32, outWidth: i32, strideY: i32, strideX: i32, sizeY: i32, sizeX: i32,
  w: usize, dy: usize,
): void {
  const step = <usize>strideX * pixel
  for (let oy = 0; oy < outHeight; oy++, dx += <usize>strideY * line) {
    let p = dx
    for (let ox = 0; ox < outWidth; ox++, p += step, dy += pixel) {
      for (let c: usize = 0; c < pixel; c += 16) {
        const gradient = v128.load(dy + c)
        let t = w + c
        for (let ky = 0; ky < sizeY; ky++) {
          let q = p + <usize>ky * line + c
          for (let kx = 0; kx < sizeX; kx++, q += pixel, t += pixel) {
            v128.store(q, madd(gradient, v128.load(t), v128.load(q)))
          }
        }
      }
    }
  }
}
