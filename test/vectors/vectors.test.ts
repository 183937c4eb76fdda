import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { readCases } from './cases.ts'
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
  t.is(lines.at(-1), '8 passed, 0 failed, 1 unknown')
  t.is(lines.at(-2), 'unheard-of  unknown  there is no algorithm fedhope')
})

test('a case that comes out otherwise fails with the place, and so does the command', async (t) => {
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

test('a file that is no list of cases is named, with what is wrong', async (t) => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'cases.json')
  for (const [content, message] of [
    ['[', /cases\.json is no JSON/],
    ['{}', /cases\.json is no list of cases/],
    ['[{"id": 1}]', /cases\.json is no list of cases: at 0\.id/],
  ] as const) {
    await writeFile(file, content)
    await t.throwsAsync(readCases(file), { message })
  }
  await t.throwsAsync(readCases(join(folder.path, 'none.json')), { message: /none\.json can't be read/ })
  t.like(await vectors(join(folder.path, 'none.json')), { status: 1 })
  t.like(await vectors(), { status: 1 })
})
