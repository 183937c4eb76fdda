import { PassThrough } from 'node:stream'
import test from 'ava'
import { parseAllDocuments } from 'yaml'
import { figure } from './phrases.ts'
import { lineReporter, programReporter, type Reporter } from './reporter.ts'

const round = {
  round: 2,
  metrics: { accuracy: 0.5, loss: 1.25, norm: 3 },
  hash: 'abc',
  members: ['trainer-0'],
  seconds: 0.5,
}
const entry = { message: 'gathered', fields: { ends: 3, quick: true } }
const read = (stream: PassThrough) => String(stream.read() ?? '')

test('with --json what roles say goes to standard error, rounds alone to standard output', (t) => {
  const [out, err] = [new PassThrough(), new PassThrough()]
  const reporter = programReporter('json', out, err)
  reporter.log('trainer-0', entry)
  reporter.notice('trainer-1', { code: 'SUM_VALUE', message: 'not finite' })
  reporter.round(round)
  t.is(read(err), 'trainer-0: gathered ends=3 quick=true\ntrainer-1: SUM_VALUE not finite\n')
  t.deepEqual(JSON.parse(read(out)), {
    round: 2,
    accuracy: 0.5,
    loss: 1.25,
    hash: 'abc',
    members: ['trainer-0'],
    seconds: 0.5,
    metrics: round.metrics,
    job: '',
  })
})

const start = { job: 'j-1', seed: 7, settings: { rounds: 2, clients: 1 } }
const regression = { ...round, metrics: { mae: 0.25, 'train-loss': 2 } }
const model = { metrics: regression.metrics, hash: 'abcdef', model: '/models/1', isFolder: true, hasArchitecture: true }
const result = { rounds: 1, models: [model] }

test('with --json each line is a round, but for the last, which says how the job was run', (t) => {
  const out = new PassThrough()
  const reporter = programReporter('json', out, new PassThrough())
  reporter.started(start)
  reporter.round(regression)
  reporter.done(result)
  const [first, last] = read(out)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.like(first, { round: 2, metrics: regression.metrics, job: 'j-1' })
  t.deepEqual(last, { done: true, rounds: 1, hash: 'abcdef', model: '/models/1', metrics: model.metrics, ...start })
})

test('in YAML each round is a document; as a name there is the job alone', (t) => {
  const told = (format: 'yaml' | 'name') => {
    const out = new PassThrough()
    const reporter = programReporter(format, out, new PassThrough())
    reporter.started(start)
    reporter.round(regression)
    reporter.done(result)
    return read(out)
  }
  const [first, last] = parseAllDocuments(told('yaml')).map((document) => document.toJS())
  t.like(first, { round: 2, metrics: regression.metrics })
  t.like(last, { done: true, ...start })
  t.is(told('name'), 'j-1\n')
})

test('a regression is told by its own metrics, in each line and in the last', (t) => {
  const out = new PassThrough()
  const reporter = lineReporter(out)
  reporter.started(start)
  reporter.round(regression)
  reporter.done(result)
  const [, line, done] = read(out).split('\n')
  t.is(line, 'round 2/2  mae 0.2500  train-loss 2.0000  1 counted  0.50 s')
  t.is(done, 'done: 1 round, mae 0.2500, weights abcdef…')
})

test('only what is known to be a fraction is told in percent, and numbers of any size keep their digits', (t) => {
  for (const [name, value, text] of [
    ['accuracy', 0.5, '50.00 %'],
    ['train-accuracy', 1, '100.00 %'],
    ['accuracy', 51.2, '51.2000'],
    ['precision', 0.5, '0.5000'],
    ['loss', 0, '0.0000'],
    ['loss', 12345.678, '12345.6780'],
    ['loss', -0.012345, '-0.01235'],
    ['loss', 1.5e-12, '1.500e-12'],
    ['loss', 1e15, '1000000000000000'],
    ['loss', 1.23456789e20, '123456789000000000000'],
    ['loss', 1.5e30, '1.5e+30'],
    ['loss', 123456.789, '123456.789'],
  ] as const)
    t.is(figure(name, value), text)
})

test('in a log what roles say stands between the rounds, a line each', (t) => {
  const out = new PassThrough()
  const reporter = lineReporter(out)
  reporter.log('trainer-0', entry)
  reporter.log('trainer-0', { message: 'ready', fields: {} })
  reporter.round(round)
  t.deepEqual(read(out).split('\n').slice(0, 2), ['trainer-0: gathered ends=3 quick=true', 'trainer-0: ready'])
  reporter.notice('trainer-0', { code: 'C', message: 'a\u001b[31mb' })
  t.is(read(out), 'trainer-0: C a\\u001b[31mb\n')
})

test('a run ends with the lines that load its model', (t) => {
  const model = { metrics: {}, hash: 'abc', model: '/models/a b/round-0003', isFolder: true }
  const ended = (hasArchitecture: boolean) => {
    const out = new PassThrough()
    lineReporter(out).done({ rounds: 3, models: [{ ...model, hasArchitecture }] })
    return read(out)
  }
  t.regex(
    ended(true),
    /import \{ loadLayersModel \} from 'flame-fl\/sdk\/node'\n.*await loadLayersModel\("\/models\/a b\/round-0003"\)/,
  )
  t.regex(ended(false), /hold its weights: initialWeightsFrom/)
})

test('where a round has several models, each is told with its part, for people and for programs', (t) => {
  const ended = { rounds: 2, models: ['blue', 'red'].map((part) => ({ ...model, part, model: `/models/${part}` })) }
  const told = (reporter: Reporter, out: PassThrough) => {
    reporter.started(start)
    reporter.round({ ...round, part: 'red' })
    reporter.done(ended)
    return read(out).trim().split('\n')
  }
  const lines = new PassThrough()
  t.deepEqual(told(lineReporter(lines), lines).slice(1, 6), [
    'red: round 2/2  accuracy 50.00 %  loss 1.2500  norm 3.0000  1 counted  0.50 s',
    'done: 2 rounds of 2 models',
    'blue: mae 0.2500, weights abcdef…',
    '  model: /models/blue',
    'red: mae 0.2500, weights abcdef…',
  ])
  const json = new PassThrough()
  const [first, last] = told(programReporter('json', json, new PassThrough()), json).map((line) => JSON.parse(line))
  t.like(first, { round: 2, part: 'red', hash: 'abc' })
  t.like(last, {
    done: true,
    rounds: 2,
    models: [
      { part: 'blue', hash: 'abcdef' },
      { part: 'red', model: '/models/red' },
    ],
  })
  t.false('hash' in last)
})
