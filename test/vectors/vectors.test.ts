import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { readCases, type VectorCase } from './cases.ts'
import { runCase } from './run-case.ts'

const own = 'test/vectors/own-cases.json'

async function vectors(...files: readonly string[]) {
  const child = spawn(process.execPath, [fileURLToPath(new URL('main.js', import.meta.url)), ...files])
  const [out, err, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  return { lines: out.trim().split('\n'), err, status }
}

test('cases made by hand from the formulas pass, and an algorithm that is not there is unknown', async (t) => {
  const { lines, status } = await vectors(own)
  t.is(status, 0)
  t.is(lines.at(-1), '19 passed, 0 failed, 1 unknown')
  t.is(lines.at(-2), 'unheard-of  unknown  there is no algorithm fedhope')
})

test('a case that comes out otherwise fails with the path of the difference, and so does the command', async (t) => {
  await using folder = await temporaryFolder()
  const [first] = await readCases(own)
  const wrong = { ...first, expected: { weights: [[1.25, 5.5]] } }
  const file = join(folder.path, 'cases.json')
  await writeFile(file, JSON.stringify([wrong]))
  t.like(await vectors(file), {
    lines: ['fedavg-hand  failed  weights.0.1: expected 5.5, found 5', '0 passed, 1 failed, 0 unknown'],
    status: 1,
  })
})

test('another kind is unknown; malformed inputs and settings fail with what is wrong', async (t) => {
  const [first] = await readCases(own)
  if (!first) return t.fail()
  t.like(await runCase({ ...first, kind: 'riddle' }), {
    result: 'unknown',
    why: 'nothing runs cases of the kind riddle',
  })
  t.regex(JSON.stringify(await runCase({ ...first, inputs: { weights: 1 } })), /malformed: weights: .*rounds: /)
  t.regex(JSON.stringify(await runCase({ ...first, settings: { weighting: 'odd' } })), /expected one of samples, equal/)
  t.regex(JSON.stringify(await runCase({ ...first, settings: { colour: 1 } })), /fedavg has no setting colour/)
})

test('a case that says too little, or what no job does, fails and never passes', async (t) => {
  const cases = new Map((await readCases(own)).map((each) => [each.id, each]))
  const fails = async (id: string, change: Partial<VectorCase>, why: RegExp) => {
    const given = cases.get(id)
    if (!given) return t.fail(id)
    const outcome = await runCase({ ...given, ...change })
    t.is(outcome.result, 'failed', `${id}: ${why}`)
    t.regex('why' in outcome ? outcome.why : '', why)
  }
  const updates = (...given: readonly object[]) => ({ weights: [0], rounds: [{ updates: given }] })
  const one = { end: 'a', delta: [1], samples: 1 }
  await fails('fedavg-hand', { expected: {} }, /no value is expected/)
  await fails(
    'fedavg-hand',
    { inputs: { weights: [1], rounds: [] }, expected: { weights: [] } },
    /no value is expected/,
  )
  await fails('krum-tie-of-thirds', { expected: { delta: [0.1], selected: [] } }, /selected: no value is expected/)
  await fails('fedavg-hand', { inputs: updates(one, one), expected: { weights: [[1]] } }, /a comes twice/)
  await fails('fedavg-hand', { settings: { momentum: 0.9 } }, /momentum is 0\.9: only 0/)
  await fails('krum-hand', { inputs: { updates: [one] }, expected: { delta: [1] } }, /1 updates, and krum needs 5/)
  await fails('fedbuff-hand', { kind: 'server', inputs: updates(one) }, /of the kind async/)
  await fails('scaffold-hand', { inputs: updates(one) }, /the update of a has no control/)
  await fails('scaffold-hand', { settings: { population: 1 } }, /population is 1: expected a whole number from 2 on/)
  await fails('scaffold-hand-control', { settings: { option: 1 } }, /option is 1: only 2/)
  const parties = cases.get('vertical-hand')
  await fails('vertical-hand', { settings: { ...parties?.settings, top: 'conv' } }, /top is "conv": only dense/)
  await fails('vertical-hand', { inputs: { ...parties?.inputs, labels: [1, 0] } }, /other rows than labels/)
  await fails('alignment-rfc-4231', { settings: { method: 'psi' } }, /only hashed/)
  const job = cases.get('fedavg-hand-job')
  for (const [change, why] of [
    [{ loss: 'meanSquaredError' }, /only softmaxCrossEntropy/],
    [{ model: 'lstm' }, /only dense/],
    [{ population: 3 }, /population is 3: only 2/],
    [{ momentum: -1 }, /momentum must be/],
  ] as const)
    await fails('fedavg-hand-job', { settings: { ...job?.settings, ...change } }, why)
  await fails(
    'fedavg-hand-job',
    { inputs: { ...job?.inputs, selected: [['pisa']] } },
    /pisa is selected, and no client/,
  )
})

test('a file that is no list of cases is named, with what is wrong', async (t) => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'cases.json')
  for (const [content, message] of [
    ['[', /cases\.json is no JSON/],
    ['{}', /cases\.json is no list of cases/],
    ['[]', /cases\.json is no list of cases: at its top/],
    ['[{"id": 1}]', /cases\.json is no list of cases: at 0\.id/],
  ] as const) {
    await writeFile(file, content)
    await t.throwsAsync(readCases(file), { message })
  }
  await t.throwsAsync(readCases(join(folder.path, 'none.json')), { message: /none\.json can't be read/ })
  t.like(await vectors(join(folder.path, 'none.json')), { status: 1 })
  t.like(await vectors(), { status: 1 })
})
