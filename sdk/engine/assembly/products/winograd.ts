// Winograd's convolution with tiles of 8 × 8: m × m outputs of an r × r kernel, m + r = 9, cost 64 products instead of m²r².
// The transforms interpolate at the points 0, 1, −1, 2, −2, ½, −½, ∞, pair by pair; they differ in how many coefficients there
// are, so kernels of any size share them. Everything works on vectors of 4 channels.
//
// Lavin & Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016.
import { madd } from './madd'

// @ts-ignore: decorator
@inline
const POINTS: usize = 8

// Weights' share of the interpolation: the divisors of the points' polynomials.
// @ts-ignore: decorator
@inline
const SCALE_ONE: f32 = -2.0 / 9.0
// @ts-ignore: decorator
@inline
const SCALE_TWO: f32 = 1.0 / 90.0
// @ts-ignore: decorator
@inline
const SCALE_HALF: f32 = 32.0 / 45.0

// Memory for two tiles of 8 × 8 vectors.
const first: usize = memory.data(1024, 16)
const second: usize = memory.data(1024, 16)

// @ts-ignore: decorator
@inline
function times(a: v128, factor: f32): v128 {
  return f32x4.mul(a, f32x4.splat(factor))
}

// @ts-ignore: decorator
@inline
function plus(sum: v128, a: v128, factor: f32): v128 {
  return madd(a, f32x4.splat(factor), sum)
}

// Input transform of 8 values.
function inputLine(source: usize, stride: usize, target: usize, targetStride: usize): void {
  const d0 = v128.load(source), d1 = v128.load(source + stride)
  const d2 = v128.load(source + 2 * stride), d3 = v128.load(source + 3 * stride)
  const d4 = v128.load(source + 4 * stride), d5 = v128.load(source + 5 * stride)
  const d6 = v128.load(source + 6 * stride), d7 = v128.load(source + 7 * stride)
  v128.store(target, plus(f32x4.sub(d0, d6), f32x4.sub(d4, d2), 5.25))
  let even = plus(f32x4.add(d2, d6), d4, -4.25)
  let odd = plus(f32x4.add(d1, d5), d3, -4.25)
  v128.store(target + targetStride, f32x4.add(even, odd))
  v128.store(target + 2 * targetStride, f32x4.sub(even, odd))
  even = f32x4.add(plus(times(d2, 0.25), d4, -1.25), d6)
  odd = plus(plus(times(d1, 0.5), d3, -2.5), d5, 2)
  v128.store(target + 3 * targetStride, f32x4.add(even, odd))
  v128.store(target + 4 * targetStride, f32x4.sub(even, odd))
  even = f32x4.add(plus(times(d2, 4), d4, -5), d6)
  odd = plus(plus(times(d1, 2), d3, -2.5), d5, 0.5)
  v128.store(target + 5 * targetStride, f32x4.add(even, odd))
  v128.store(target + 6 * targetStride, f32x4.sub(even, odd))
  v128.store(target + 7 * targetStride, plus(f32x4.sub(d7, d1), f32x4.sub(d3, d5), 5.25))
}

// The adjoint of `inputLine`.
function inputLineAdjoint(source: usize, stride: usize, target: usize, targetStride: usize): void {
  const v0 = v128.load(source), v7 = v128.load(source + 7 * stride)
  const a = v128.load(source + stride), b = v128.load(source + 2 * stride)
  const c = v128.load(source + 3 * stride), d = v128.load(source + 4 * stride)
  const e = v128.load(source + 5 * stride), f = v128.load(source + 6 * stride)
  const one = f32x4.add(a, b), two = f32x4.add(c, d), half = f32x4.add(e, f)
  const oneOdd = f32x4.sub(a, b), twoOdd = f32x4.sub(c, d), halfOdd = f32x4.sub(e, f)
  v128.store(target, v0)
  v128.store(target + targetStride, f32x4.sub(plus(plus(oneOdd, twoOdd, 0.5), halfOdd, 2), v7))
  v128.store(target + 2 * targetStride, plus(plus(plus(one, two, 0.25), half, 4), v0, -5.25))
  v128.store(target + 3 * targetStride, plus(f32x4.neg(plus(times(oneOdd, 4.25), f32x4.add(twoOdd, halfOdd), 2.5)), v7, 5.25))
  v128.store(target + 4 * targetStride, plus(f32x4.neg(plus(plus(times(one, 4.25), two, 1.25), half, 5)), v0, 5.25))
  v128.store(target + 5 * targetStride, plus(plus(plus(oneOdd, twoOdd, 2), halfOdd, 0.5), v7, -5.25))
  v128.store(target + 6 * targetStride, f32x4.sub(f32x4.add(f32x4.add(one, two), half), v0))
  v128.store(target + 7 * targetStride, v7)
}

// Evaluates a polynomial with `count` coefficients at the 8 points.
function evaluate(
  source: usize, stride: usize, count: i32, target: usize, targetStride: usize, one: f32, two: f32, half: f32,
): void {
  const x0 = v128.load(source)
  let even1 = x0, even2 = x0, even3 = x0
  let odd1 = f32x4.splat(0), odd2 = odd1, odd3 = odd1
  let power: f32 = 1
  let last = x0
  for (let k = 1; k < count; k++) {
    source += stride
    power *= 2
    last = v128.load(source)
    if (k & 1) {
      odd1 = f32x4.add(odd1, last)
      odd2 = plus(odd2, last, power)
      odd3 = plus(odd3, last, 1 / power)
    } else {
      even1 = f32x4.add(even1, last)
      even2 = plus(even2, last, power)
      even3 = plus(even3, last, 1 / power)
    }
  }
  v128.store(target, x0)
  v128.store(target + targetStride, times(f32x4.add(even1, odd1), one))
  v128.store(target + 2 * targetStride, times(f32x4.sub(even1, odd1), one))
  v128.store(target + 3 * targetStride, times(f32x4.add(even2, odd2), two))
  v128.store(target + 4 * targetStride, times(f32x4.sub(even2, odd2), two))
  v128.store(target + 5 * targetStride, times(f32x4.add(even3, odd3), half))
  v128.store(target + 6 * targetStride, times(f32x4.sub(even3, odd3), half))
  v128.store(target + 7 * targetStride, last)
}

// The adjoint of `evaluate`: `count` sums of the 8 values times the points' powers.
function evaluateAdjoint(
  source: usize, stride: usize, count: i32, target: usize, targetStride: usize, one: f32, two: f32, half: f32,
): void {
  const a = v128.load(source + stride), b = v128.load(source + 2 * stride)
  const c = v128.load(source + 3 * stride), d = v128.load(source + 4 * stride)
  const e = v128.load(source + 5 * stride), f = v128.load(source + 6 * stride)
  const even1 = times(f32x4.add(a, b), one), odd1 = times(f32x4.sub(a, b), one)
  const even2 = times(f32x4.add(c, d), two), odd2 = times(f32x4.sub(c, d), two)
  const even3 = times(f32x4.add(e, f), half), odd3 = times(f32x4.sub(e, f), half)
  let power: f32 = 1
  for (let k = 0; k < count; k++, power *= 2, target += targetStride) {
    let sum = k & 1
      ? plus(plus(odd1, odd2, power), odd3, 1 / power)
      : plus(plus(even1, even2, power), even3, 1 / power)
    if (k == 0) sum = f32x4.add(sum, v128.load(source))
    if (k == count - 1) sum = f32x4.add(sum, v128.load(source + 7 * stride))
    v128.store(target, sum)
  }
}

// Transforms an image's tiles, which begin `outputs` pixels apart, to the 64 matrices of tiles × channels,
// `matrixBytes` apart.
export function winogradInput(
  image: usize, lineBytes: usize, pixelBytes: usize, tilesY: i32, tilesX: i32, outputs: i32, v: usize, matrixBytes: usize,
): void {
  for (let ty = 0; ty < tilesY; ty++) {
    for (let tx = 0; tx < tilesX; tx++, v += pixelBytes) {
      const tile = image + <usize>(ty * outputs) * lineBytes + <usize>(tx * outputs) * pixelBytes
      for (let c: usize = 0; c < pixelBytes; c += 16) {
        for (let x: usize = 0; x < POINTS; x++) inputLine(tile + x * pixelBytes + c, lineBytes, first + 16 * x, 128)
        for (let y: usize = 0; y < POINTS; y++) {
          inputLine(first + 128 * y, 16, v + 8 * y * matrixBytes + c, matrixBytes)
        }
      }
    }
  }
}

// The adjoint of `winogradInput`: adds each tile's result to an image, which must be zero before.
export function winogradInputGradient(
  dv: usize, matrixBytes: usize, image: usize, lineBytes: usize, pixelBytes: usize, tilesY: i32, tilesX: i32, outputs: i32,
): void {
  for (let ty = 0; ty < tilesY; ty++) {
    for (let tx = 0; tx < tilesX; tx++, dv += pixelBytes) {
      const tile = image + <usize>(ty * outputs) * lineBytes + <usize>(tx * outputs) * pixelBytes
      for (let c: usize = 0; c < pixelBytes; c += 16) {
        for (let y: usize = 0; y < POINTS; y++) {
          inputLineAdjoint(dv + 8 * y * matrixBytes + c, matrixBytes, first + 128 * y, 16)
        }
        for (let x: usize = 0; x < POINTS; x++) inputLineAdjoint(first + 16 * x, 128, second + 16 * x, 128)
        for (let y: usize = 0; y < POINTS; y++) {
          let p = tile + y * lineBytes + c
          for (let x: usize = 0; x < POINTS; x++, p += pixelBytes) {
            v128.store(p, f32x4.add(v128.load(p), v128.load(second + 128 * y + 16 * x)))
          }
        }
      }
    }
  }
}

// Transforms the 64 matrices of tiles × channels to an image of `height` × `width` pixels, with bias, and with relu if
// `relu` is set.
export function winogradOutput(
  product: usize, matrixBytes: usize, tilesY: i32, tilesX: i32, outputs: i32,
  bias: usize, image: usize, height: i32, width: i32, pixelBytes: usize, relu: bool,
): void {
  const zero = f32x4.splat(0)
  for (let ty = 0; ty < tilesY; ty++) {
    const rows = min(outputs, height - ty * outputs)
    for (let tx = 0; tx < tilesX; tx++, product += pixelBytes) {
      const columns = min(outputs, width - tx * outputs)
      const tile = image + <usize>(ty * outputs * width + tx * outputs) * pixelBytes
      for (let c: usize = 0; c < pixelBytes; c += 16) {
        for (let y: usize = 0; y < POINTS; y++) {
          evaluateAdjoint(product + 8 * y * matrixBytes + c, matrixBytes, outputs, first + 128 * y, 16, 1, 1, 1)
        }
        const shift = v128.load(bias + c)
        for (let x = 0; x < columns; x++) {
          evaluateAdjoint(first + 16 * <usize>x, 128, outputs, second, 16, 1, 1, 1)
          let p = tile + <usize>x * pixelBytes + c
          for (let y = 0; y < rows; y++, p += <usize>width * pixelBytes) {
            const value = f32x4.add(v128.load(second + 16 * <usize>y), shift)
            v128.store(p, relu ? f32x4.pmax(value, zero) : value)
          }
        }
      }
    }
  }
}

// The adjoint of `winogradOutput`: transforms an image's gradient to 64 matrices of tiles × channels.
export function winogradOutputGradient(
  image: usize, height: i32, width: i32, pixelBytes: usize, tilesY: i32, tilesX: i32, outputs: i32,
  product: usize, matrixBytes: usize,
): void {
  const zero = f32x4.splat(0)
  for (let ty = 0; ty < tilesY; ty++) {
    const rows = min(outputs, height - ty * outputs)
    for (let tx = 0; tx < tilesX; tx++, product += pixelBytes) {
      const columns = min(outputs, width - tx * outputs)
      const tile = image + <usize>(ty * outputs * width + tx * outputs) * pixelBytes
      for (let c: usize = 0; c < pixelBytes; c += 16) {
        for (let x = 0; x < outputs; x++) {
          let p = tile + <usize>x * pixelBytes + c
          for (let y = 0; y < outputs; y++, p += <usize>width * pixelBytes) {
            v128.store(second + 16 * <usize>y, y < rows && x < columns ? v128.load(p) : zero)
          }
          evaluate(second, 16, outputs, first + 16 * <usize>x, 128, 1, 1, 1)
        }
        for (let y: usize = 0; y < POINTS; y++) {
          evaluate(first + 128 * y, 16, outputs, product + 8 * y * matrixBytes + c, matrixBytes, 1, 1, 1)
        }
      }
    }
  }
}

// Transforms a kernel of `size` × `size` in panels, whose rows are (y, x, input), to 64 matrices in panels, whose rows
// are inputs.
export function winogradWeights(
  kernel: usize, panelBytes: usize, panels: i32, size: i32, inputs: i32, target: usize, targetPanelBytes: usize, matrixBytes: usize,
): void {
  const column = <usize>(inputs << 5)
  for (let panel = 0; panel < panels; panel++, kernel += panelBytes, target += targetPanelBytes) {
    for (let c: usize = 0; c < column; c += 16) {
      for (let x = 0; x < size; x++) {
        evaluate(kernel + <usize>x * column + c, <usize>size * column, size, first + 16 * <usize>x, 128, SCALE_ONE, SCALE_TWO, SCALE_HALF)
      }
      for (let y: usize = 0; y < POINTS; y++) {
        evaluate(first + 128 * y, 16, size, target + 8 * y * matrixBytes + c, matrixBytes, SCALE_ONE, SCALE_TWO, SCALE_HALF)
      }
    }
  }
}

// The adjoint of `winogradWeights`: target += scale · the kernel's gradient.
export function winogradWeightGradient(
  gradient: usize, gradientPanelBytes: usize, matrixBytes: usize, panels: i32, size: i32, inputs: i32,
  target: usize, panelBytes: usize, scale: f32,
): void {
  const column = <usize>(inputs << 5)
  for (let panel = 0; panel < panels; panel++, gradient += gradientPanelBytes, target += panelBytes) {
    for (let c: usize = 0; c < column; c += 16) {
      for (let y: usize = 0; y < POINTS; y++) {
        evaluateAdjoint(gradient + 8 * y * matrixBytes + c, matrixBytes, size, first + 128 * y, 16, SCALE_ONE, SCALE_TWO, SCALE_HALF)
      }
      for (let x = 0; x < size; x++) {
        evaluateAdjoint(first + 16 * <usize>x, 128, size, second, 16, SCALE_ONE, SCALE_TWO, SCALE_HALF)
        let p = target + <usize>x * column + c
        for (let y = 0; y < size; y++, p += <usize>size * column) {
          v128.store(p, plus(v128.load(p), v128.load(second + 16 * <usize>y), scale))
        }
      }
    }
  }
}
