import { readFile } from 'node:fs/promises'
import test from 'ava'
import { flameletStage } from '../test/support/flamelet-stage.ts'

const wards = new URL('../../test/support/wards.workload.ts', import.meta.url)

/** The workload, with code that runs before each training. */
async function training(code: string): Promise<string> {
  const text = await readFile(wards, 'utf8')
  const begin = 'async train(request) {\n'
  if (!text.includes(begin)) throw new Error('the workload trains in another way')
  return text.replace(begin, `${begin}${code}\n`)
}

for (const [what, code, args, reason] of [
  [
    'takes more memory than allowed',
    'const hog = []; for (;;) { hog.push(Buffer.alloc(20_000_000, 1)); await new Promise((go) => setTimeout(go, 20)) }',
    ['--memory', '200'],
    /using \d+ MB of at most 200 MB/,
  ],
  ['blocks for ever', 'for (;;) {}', ['--round-limit', '3'], /answered nothing for 3 s/],
  ['ends', 'process.exit(7)', [], /with status 7/],
] as const)
  test.serial(`a task whose code ${what} is ended, three times, and the job hears why`, async (t) => {
    await using stage = await flameletStage({ clients: 1, rounds: 1, code: await training(code) })
    stage.join({ name: 'clinic', data: ['0'], args })
    const refused = await stage.server.line(({ type }) => type === 'not-hosting')
    t.regex(JSON.stringify(refused), /FLAMELET_TASK_ENDED.*3 times/)
    t.regex(JSON.stringify(refused), reason)
    t.is(stage.server.lines.filter(({ type }) => type === 'notice').length, 2)
  })

test.serial('a training that takes too long fails alone, and the round goes on without it', async (t) => {
  // The first client has five examples.
  const slow = 'if (request.examples.count === 5) await new Promise(() => setInterval(() => {}, 1000))'
  await using stage = await flameletStage({ clients: 2, rounds: 1, code: await training(slow) })
  stage.join({ name: 'clinic', data: ['0', '1'], args: ['--round-limit', '2'] })
  const round = await stage.server.line(({ type }) => type === 'round')
  t.deepEqual(round.members, ['trainer-1'])
  t.regex(JSON.stringify(stage.server.lines), /FLAMELET_ROUND_TIME|took longer than 2 s/)
})
