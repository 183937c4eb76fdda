/** The convolution of two arrays of doubles, by a Fourier transform. Absolute errors are near 10⁻¹⁶ of the largest result. */
export function convolution(a: Float64Array, b: Float64Array): Float64Array {
  const length = a.length + b.length - 1
  let size = 1
  while (size < length) size *= 2
  // Of z = a + ib, the square has the imaginary part 2ab, so one transform serves both.
  const [real, imaginary] = [new Float64Array(size), new Float64Array(size)]
  real.set(a)
  imaginary.set(b)
  const roots = rootsOf(size)
  transform(real, imaginary, roots)
  for (let i = 0; i < size; i++) {
    const [x, y] = [real[i]!, imaginary[i]!]
    real[i] = x * x - y * y
    // The conjugate, since the inverse transform is the conjugate of the transform of the conjugate.
    imaginary[i] = -2 * x * y
  }
  transform(real, imaginary, roots)
  return imaginary.subarray(0, length).map((value) => -value / (2 * size))
}

interface Roots {
  readonly cosines: Float64Array
  readonly sines: Float64Array
}

/**
 * e^(−2πik/size) for k below size/2. From half-angle formulas, with square roots alone, so that the bits are the same in
 * every JavaScript engine.
 */
function rootsOf(size: number): Roots {
  const half = Math.max(1, size / 2)
  const [cosines, sines] = [new Float64Array(half).fill(1), new Float64Array(half)]
  /** The cosine and the sine of π/step, of which the first step is the half turn. */
  let [cosine, sine] = [-1, 0]
  for (let step = half / 2; step >= 1; step /= 2) {
    sine = cosine === -1 ? 1 : Math.sqrt((1 - cosine) / 2)
    cosine = cosine === -1 ? 0 : Math.sqrt((1 + cosine) / 2)
    // Odd multiples of this step are the turn of the even multiple before them.
    for (let k = step; k < half; k += 2 * step) {
      const [x, y] = [cosines[k - step]!, sines[k - step]!]
      cosines[k] = x * cosine + y * sine
      sines[k] = y * cosine - x * sine
    }
  }
  return { cosines, sines }
}

/** The discrete Fourier transform in place, of a size that is a power of two (Cooley and Tukey 1965). */
function transform(real: Float64Array, imaginary: Float64Array, { cosines, sines }: Roots): void {
  const size = real.length
  for (let i = 1, j = 0; i < size; i++) {
    let bit = size >> 1
    for (; j & bit; bit >>= 1) j ^= bit
    j ^= bit
    if (i >= j) continue
    const [x, y] = [real[i]!, imaginary[i]!]
    real[i] = real[j]!
    imaginary[i] = imaginary[j]!
    real[j] = x
    imaginary[j] = y
  }
  for (let width = 2; width <= size; width *= 2) {
    const stride = size / width
    for (let start = 0; start < size; start += width)
      for (let k = 0; k < width / 2; k++) {
        const low = start + k
        const high = low + width / 2
        const c = cosines[k * stride]!
        const s = sines[k * stride]!
        const x = real[high]! * c - imaginary[high]! * s
        const y = real[high]! * s + imaginary[high]! * c
        real[high] = real[low]! - x
        imaginary[high] = imaginary[low]! - y
        real[low] = real[low]! + x
        imaginary[low] = imaginary[low]! + y
      }
  }
}
