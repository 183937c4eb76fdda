import test from 'ava'
import { knownNames, nearest } from './known-names.ts'

const known = ['softmaxCrossEntropy', 'sigmoidCrossEntropy', 'meanSquaredError', 'relu', 'relu6', 'elu']

for (const [given, meant] of [
  ['softmax_cross_entropy', 'softmaxCrossEntropy'],
  ['SoftmaxCrossentropy', 'softmaxCrossEntropy'],
  ['sigmodCrossEntropy', 'sigmoidCrossEntropy'],
  ['meanSqaured', undefined],
  ['meanSqauredError', 'meanSquaredError'],
  ['ReLU', 'relu'],
  ['rleu', 'relu'],
  ['', undefined],
  ['nothing like it', undefined],
] as const) {
  test(`of the known names ${meant ?? 'none'} is near to '${given}'`, (t) => {
    t.is(nearest(given, known), meant)
  })
}

test('a message lists the known names, and the near one', (t) => {
  t.is(knownNames('reluu', ['tanh', 'relu']), 'tanh, relu (did you mean relu?)')
  t.is(knownNames('xyz', ['tanh', 'relu']), 'tanh, relu')
  t.is(knownNames('x'.repeat(1e6), ['tanh']), 'tanh')
})
