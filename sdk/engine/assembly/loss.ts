// Losses over rows of outputs, `pitch` bytes apart, with one float32 label for each row. Each function writes the
// gradient of the losses' sum, times scale, to `gradient`, whose padding stays zero, and returns the sum of the rows'
// losses. `correct` counts right classes.

export let correct: i32 = 0

export function setCorrect(count: i32): void {
  correct = count
}

// Softmax cross-entropy: loss = log Σ exp(z) − z[label].
export function softmaxCrossEntropy(outputs: usize, pitch: usize, rows: i32, classes: i32, labels: usize, gradient: usize, scale: f32): f64 {
  let total: f64 = 0
  correct = 0
  for (let row = 0; row < rows; row++, outputs += pitch, labels += 4) {
    const label = <i32>load<f32>(labels)
    let best = 0
    let most = load<f32>(outputs)
    for (let i = 1; i < classes; i++) {
      const value = load<f32>(outputs + (<usize>i << 2))
      if (value > most) {
        most = value
        best = i
      }
    }
    if (best == label) correct++
    let sum: f64 = 0
    for (let i = 0; i < classes; i++) sum += Math.exp(<f64>load<f32>(outputs + (<usize>i << 2)) - <f64>most)
    total += Math.log(sum) - (<f64>load<f32>(outputs + (<usize>label << 2)) - <f64>most)
    if (gradient != 0) {
      for (let i = 0; i < classes; i++) {
        const share = Math.exp(<f64>load<f32>(outputs + (<usize>i << 2)) - <f64>most) / sum
        store<f32>(gradient + (<usize>i << 2), <f32>((share - (i == label ? 1.0 : 0.0)) * <f64>scale))
      }
      gradient += pitch
    }
  }
  return total
}

// Binary cross-entropy of one output z in each row, with label 0 or 1: loss = max(z, 0) − z · label + log(1 +
// exp(−|z|)).
export function sigmoidCrossEntropy(outputs: usize, pitch: usize, rows: i32, labels: usize, gradient: usize, scale: f32): f64 {
  let total: f64 = 0
  correct = 0
  for (let row = 0; row < rows; row++, outputs += pitch, labels += 4) {
    const z = <f64>load<f32>(outputs), label = <f64>load<f32>(labels)
    if ((z > 0 ? 1.0 : 0.0) == label) correct++
    const small = Math.exp(-abs(z))
    total += max<f64>(z, 0) - z * label + Math.log1p(small)
    if (gradient != 0) {
      const share = (z > 0 ? 1.0 : small) / (1 + small)
      store<f32>(gradient, <f32>((share - label) * <f64>scale))
      gradient += pitch
    }
  }
  return total
}

// Squared error of one output in each row.
export function squaredError(outputs: usize, pitch: usize, rows: i32, labels: usize, gradient: usize, scale: f32): f64 {
  let total: f64 = 0
  correct = 0
  for (let row = 0; row < rows; row++, outputs += pitch, labels += 4) {
    const off = <f64>load<f32>(outputs) - <f64>load<f32>(labels)
    total += off * off
    if (gradient != 0) {
      store<f32>(gradient, <f32>(2 * off * <f64>scale))
      gradient += pitch
    }
  }
  return total
}
