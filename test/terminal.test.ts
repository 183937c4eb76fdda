import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { inTerminal } from './support/flamectl-up.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const sdk = new URL('../sdk/index.js', import.meta.url).href

/**
 * A regression with an evaluation metric of its own. An impatient user presses Ctrl-C again while the run is stopping.
 */
const regression = `
import { fedAvg, inMemoryExamples, twoTier, workload } from '${sdk}'
const examples = inMemoryExamples({ features: Uint8Array.of(0), labels: [0], shape: [1] })
export default workload({
  name: 'regression',
  settings: { rounds: 2, clients: 2, impatient: false },
  learner: ({ impatient }) => ({
    layout: { tensors: [{ name: 'w', shape: [1] }], size: 1 },
    initialWeights: async () => new Float32Array(1),
    train: async () => ({ delta: new Float32Array(1), samples: 1, metrics: {} }),
    evaluate: async () => ({ samples: 1, metrics: { mae: 0.25 } }),
    dispose: () => impatient && process.kill(process.pid, 'SIGINT'),
  }),
  data: ({ clients }) => ({ clients, client: () => examples, test: examples }),
  topology: ({ clients }) => twoTier({ clients }),
  strategy: () => fedAvg(),
})
`
const [hidden, visible] = ['\u001b[?25l', '\u001b[?25h']
const [unwrapped, wrapped] = ['\u001b[?7l', '\u001b[?7h']

for (const [title, isTwice] of [
  ['a Ctrl-C', false],
  ['a second one', true],
] as const)
  test.serial(`after ${title} the terminal has its cursor and its line wrapping again`, async (t) => {
    await using folder = await temporaryFolder()
    await writeFile(join(folder.path, 'workload.mjs'), regression)
    const args = [
      '--workers',
      '0',
      '--set',
      `rounds=100000,impatient=${isTwice}`,
      '--store',
      join(folder.path, 'store'),
    ]
    let isPressed = false
    const terminal = inTerminal(['run', folder.path, ...args], (shown, { press }) => {
      if (isPressed || !shown.includes('mae 0.2500')) return
      isPressed = true
      press('\u0003')
    })
    t.is(await terminal.ended, 130, terminal.shown())
    const shown = terminal.shown()
    for (const [off, on] of [
      [hidden, visible],
      [unwrapped, wrapped],
    ] as const) {
      t.true(shown.includes(off), shown)
      t.true(shown.lastIndexOf(on) > shown.lastIndexOf(off), shown)
    }
    t.is(shown.includes('stopped after round'), !isTwice)
  })

test.serial(
  'a custom metric is on the bar and in the last line, and no metric that the workload does not have',
  async (t) => {
    await using folder = await temporaryFolder()
    await writeFile(join(folder.path, 'workload.mjs'), regression)
    const terminal = inTerminal(['run', folder.path, '--workers', '0', '--store', join(folder.path, 'store')], () => {})
    t.is(await terminal.ended, 0, terminal.shown())
    t.regex(terminal.shown(), /round 2\/2 {2}mae 0\.2500 {2}[\d.]+ rounds\/s/)
    t.regex(terminal.shown(), /done: 2 rounds, mae 0\.2500, weights/)
    t.notRegex(terminal.shown(), /accuracy|NaN/)
  },
)
