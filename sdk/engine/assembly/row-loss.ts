// Losses over rows of outputs, `pitch` bytes apart, with a target and a float64 weight for each row. Each function adds up
// weight · loss in order, and writes the gradient of the sum, times scale, to `gradient`, whose padding stays zero.

import { setCorrect } from './loss'

// Softmax cross-entropy with one class for each row: the target is 1 − smoothing for the class, and smoothing/classes for
// all. A class below 0 is no target: its row has no loss, and a gradient of zeros.
export function softmaxRows(outputs: usize, pitch: usize, rows: i32, classes: i32, labels: usize, weights: usize, smoothing: f64, gradient: usize, scale: f64): f64 {
  let total: f64 = 0
  let right = 0
  const all = smoothing / <f64>classes
  for (let row = 0; row < rows; row++, outputs += pitch, labels += 4, weights += 8) {
    const label = <i32>load<f32>(labels)
    const weight = load<f64>(weights)
    if (label < 0) {
      if (gradient != 0) {
        memory.fill(gradient, 0, <usize>classes << 2)
        gradient += pitch
      }
      continue
    }
    let best = 0
    let most = load<f32>(outputs)
    for (let i = 1; i < classes; i++) {
      const value = load<f32>(outputs + (<usize>i << 2))
      if (value > most) {
        most = value
        best = i
      }
    }
    if (best == label) right++
    let sum: f64 = 0
    let values: f64 = 0
    for (let i = 0; i < classes; i++) {
      const value = <f64>load<f32>(outputs + (<usize>i << 2)) - <f64>most
      sum += Math.exp(value)
      values += value
    }
    const own = <f64>load<f32>(outputs + (<usize>label << 2)) - <f64>most
    total += weight * (Math.log(sum) - (1 - smoothing) * own - all * values)
    if (gradient != 0) {
      const factor = weight * scale
      for (let i = 0; i < classes; i++) {
        const share = Math.exp(<f64>load<f32>(outputs + (<usize>i << 2)) - <f64>most) / sum
        const target = i == label ? 1 - smoothing + all : all
        store<f32>(gradient + (<usize>i << 2), <f32>((share - target) * factor))
      }
      gradient += pitch
    }
  }
  setCorrect(right)
  return total
}

// Binary cross-entropy, the mean over a row's outputs, with a label of 0 or 1 for each: label · (1 − smoothing) +
// smoothing/2 is the target.
export function sigmoidRows(outputs: usize, pitch: usize, rows: i32, size: i32, targets: usize, weights: usize, smoothing: f64, gradient: usize, scale: f64): f64 {
  let total: f64 = 0
  let right = 0
  for (let row = 0; row < rows; row++, outputs += pitch, weights += 8) {
    const weight = load<f64>(weights) / <f64>size
    let sum: f64 = 0
    for (let i = 0; i < size; i++, targets += 4) {
      const z = <f64>load<f32>(outputs + (<usize>i << 2)), label = <f64>load<f32>(targets)
      if ((z > 0 ? 1.0 : 0.0) == label) right++
      const target = label * (1 - smoothing) + 0.5 * smoothing
      const small = Math.exp(-abs(z))
      sum += max<f64>(z, 0) - z * target + Math.log1p(small)
      if (gradient != 0) {
        const share = (z > 0 ? 1.0 : small) / (1 + small)
        store<f32>(gradient + (<usize>i << 2), <f32>((share - target) * weight * scale))
      }
    }
    total += weight * sum
    if (gradient != 0) gradient += pitch
  }
  setCorrect(right)
  return total
}

// The mean over a row's outputs of an error's square (kind 0), of its size (1), or of Huber's function of it (2): half the
// square up to delta, and delta times the size less half of delta beyond.
export function errorRows(kind: i32, delta: f64, outputs: usize, pitch: usize, rows: i32, size: i32, targets: usize, weights: usize, gradient: usize, scale: f64): f64 {
  let total: f64 = 0
  for (let row = 0; row < rows; row++, outputs += pitch, weights += 8) {
    const weight = load<f64>(weights) / <f64>size
    let sum: f64 = 0
    for (let i = 0; i < size; i++, targets += 4) {
      const off = <f64>load<f32>(outputs + (<usize>i << 2)) - <f64>load<f32>(targets)
      const far = abs(off)
      const sign: f64 = off > 0 ? 1 : off < 0 ? -1 : off
      let slope: f64
      if (kind == 0) {
        sum += off * off
        slope = 2 * off
      } else if (kind == 1) {
        sum += far
        slope = sign
      } else if (far <= delta) {
        sum += 0.5 * off * off
        slope = off
      } else {
        sum += delta * (far - 0.5 * delta)
        slope = delta * sign
      }
      if (gradient != 0) store<f32>(gradient + (<usize>i << 2), <f32>(slope * weight * scale))
    }
    total += weight * sum
    if (gradient != 0) gradient += pitch
  }
  setCorrect(0)
  return total
}
