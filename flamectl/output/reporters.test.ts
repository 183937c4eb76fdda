import { PassThrough } from 'node:stream'
import test from 'ava'
import { jsonReporter } from './json-reporter.ts'
import { lineReporter } from './line-reporter.ts'

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
  const reporter = jsonReporter(out, err)
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
  })
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
