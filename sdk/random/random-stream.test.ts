import test from 'ava'
import { randomStream, seedState } from './random-stream.ts'

test('the same seed and labels give the same stream, any other a different one', (t) => {
  const first = (...labels: (string | number)[]) => {
    const stream = randomStream(1, ...labels)
    return [stream.uint32(), stream.uint32(), stream.uint32()].join()
  }
  t.is(first(3, 'trainer-7', 'train'), first(3, 'trainer-7', 'train'))
  const others = [
    first(),
    first(3),
    first('3'),
    first('ab'),
    first('a', 'b'),
    first('b', 'a'),
    first('', 'ab'),
    first(3, 'trainer-7'),
    first(-0),
    first(0),
  ]
  t.is(new Set(others).size, others.length)
  t.not(first('x'), [randomStream(2, 'x').uint32()].join())
})

test('the stream of a seed stays the same from version to version', (t) => {
  const stream = randomStream(42, 7, 'trainer-3', 'train')
  t.snapshot([stream.uint32(), stream.uniform(), stream.below(10), [...stream.shuffle(Uint32Array.of(1, 2, 3, 4, 5))]])
})

test('each bit of the state is set about half of the time, whichever label changes', (t) => {
  const counts = new Uint32Array(128)
  const labels = 4000
  for (let round = 0; round < labels; round++) {
    const state = seedState(1, [round, `trainer-${round % 100}`, 'train'])
    for (let bit = 0; bit < 128; bit++) counts[bit] = (counts[bit] ?? 0) + (((state[bit >> 5] ?? 0) >>> (bit & 31)) & 1)
  }
  // Six standard deviations of a fair coin.
  const most = 6 * Math.sqrt(labels / 4)
  for (const [bit, count] of counts.entries())
    t.true(Math.abs(count - labels / 2) < most, `bit ${bit} was set ${count} times of ${labels}`)
})

test('uniform lies in [0, 1) with the moments of a uniform distribution; below has no bias', (t) => {
  const stream = randomStream(9, 'moments')
  const draws = 20_000
  let sum = 0
  let squares = 0
  const faces = new Uint32Array(6)
  for (let i = 0; i < draws; i++) {
    const value = stream.uniform()
    if (!(value >= 0 && value < 1)) t.fail(`${value}`)
    sum += value
    squares += value * value
    const face = stream.below(6)
    faces[face] = (faces[face] ?? 0) + 1
  }
  t.true(Math.abs(sum / draws - 1 / 2) < 0.015)
  t.true(Math.abs(squares / draws - 1 / 3) < 0.015)
  for (const face of faces) t.true(Math.abs(face - draws / 6) < 6 * Math.sqrt((draws * 5) / 36))
})
