import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import type { Reporter, RunResult } from '../flamectl/output/reporter.ts'
import { runOptions } from '../flamectl/run/run-options.ts'
import { REPORTER, runRoot } from '../flamectl/run/run-root.ts'
import { runWorkload } from '../flamectl/run/run-workload.ts'
import { CodedError } from '../runtime/index.ts'
import { choicesOf, chosenAlgorithm, fedAvg, fittingTopologies, type RoundSummary } from '../sdk/index.ts'
import { runFlamectl } from './flamectl-process.ts'
import { type CataloguePair, cataloguePairs } from './support/catalogue-pairs.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

/*
 * Every pair of a ready-made topology and an algorithm, by the function that `flamectl run examples/mnist --set
 * topology=…,optimizer=…` calls: the job completes, or is refused before anything is written, with the reason and what to
 * change. Topologies and algorithms that join the catalogues join this test.
 */

const mnist = fileURLToPath(new URL('../../examples/mnist', import.meta.url))
const rounds = 2
const clients = 6
/** 30 pictures for training, 5 for the test. */
const settings = `rounds=${rounds},clients=${clients},fraction=1,share=0.0005`

interface Shown {
  readonly rounds: RoundSummary[]
  done?: RunResult
}

/** Runs a pair in this process. Answers with what a person would see. */
async function run({ topology, optimizer }: CataloguePair, store: string): Promise<Shown> {
  const set = [`${settings},topology=${topology}`, `optimizer=${optimizer}`]
  const options = runOptions(mnist, { set, store, workers: '0' })
  const shown: Shown = { rounds: [] }
  const reporter: Reporter = {
    started() {},
    round: (round) => void shown.rounds.push(round),
    notice() {},
    log() {},
    done: (result) => void Object.assign(shown, { done: result }),
    stopped() {},
    close() {},
  }
  const scope = runRoot(options)
  scope.register(REPORTER, { useValue: reporter })
  await runWorkload(options, 'someone', 'flamectl run', new AbortController().signal, scope)
  return shown
}

/** Algorithms that need data with something that MNIST lacks: the job fails with this. */
const lacking: Readonly<Record<string, RegExp>> = {
  fedgft: /^ROLE_TOO_FEW_ANSWERS: .* no column group.*add the column/s,
}

for (const pair of cataloguePairs()) {
  const { topology, algorithm, optimizer } = pair
  const made = chosenAlgorithm(fedAvg(), choicesOf({ optimizer }))
  const fitting = fittingTopologies(made)
  const fits = fitting.includes(topology)
  test.serial(`${algorithm} on ${topology} ${fits ? 'runs' : 'is refused'}`, async (t) => {
    await using folder = await temporaryFolder()
    const outcome = await run(pair, join(folder.path, 'store')).catch((cause: unknown) => cause)
    if (isShown(outcome)) {
      t.true(fits, `${optimizer} ran on ${topology}`)
      const parts = new Set(outcome.rounds.map(({ part }) => part))
      t.is(outcome.rounds.length, rounds * parts.size)
      for (const { metrics } of outcome.rounds) {
        // Where no end evaluates each round's model, the loss of the training alone is told.
        t.true(Object.keys(metrics).some((name) => name.endsWith('loss')))
        t.true(Object.values(metrics).every(Number.isFinite), JSON.stringify(metrics))
      }
      t.is(outcome.done?.rounds, rounds)
      t.is(outcome.done?.models.length, parts.size)
      return
    }
    if (!(outcome instanceof CodedError)) throw outcome
    const { code, message, hint } = outcome
    const told = `${code}: ${message}\n${hint}`
    const lack = fits ? lacking[algorithm] : undefined
    if (lack) return void t.regex(told, lack)
    t.deepEqual(await readdir(folder.path), [], 'nothing is written')
    if (fits) {
      t.is(code, 'STRATEGY_LEARNER', told)
      t.true((made.client.needs ?? []).length > 0, told)
      return
    }
    t.is(code, 'STRATEGY_TOPOLOGY', told)
    t.true(message.includes(algorithm), told)
    t.true(fitting.length > 0 && hint.includes(fitting.join(', ')), told)
  })
}

function isShown(outcome: unknown): outcome is Shown {
  return typeof outcome === 'object' && outcome !== null && 'rounds' in outcome
}

test('the usual algorithms run on the usual topologies', (t) => {
  const fitting = (optimizer: string) => fittingTopologies(chosenAlgorithm(fedAvg(), choicesOf({ optimizer })))
  const all = ['two-tier', 'hierarchical', 'parallel', 'replicated', 'ring', 'hybrid', 'coordinated']
  for (const optimizer of ['fedavg', 'fedadam', 'fedprox,mu=0.01', 'scaffold', 'ditto'])
    for (const topology of all) t.true(fitting(optimizer).includes(topology), `${optimizer} on ${topology}`)
  for (const optimizer of ['krum,f=0', 'median', 'fedbuff']) t.true(fitting(optimizer).includes('two-tier'), optimizer)
})

for (const [topology, optimizer, status, told] of [
  ['hybrid', 'fedavgm', 0, /"done":true/],
  ['hierarchical', 'fedbuff', 0, /"done":true/],
  ['ring', 'krum,f=0', 2, /STRATEGY_TOPOLOGY: krum needs each contribution.*\n *choose a topology .*two-tier/],
] as const)
  test.serial(`the command says so too: ${optimizer} on ${topology}`, async (t) => {
    await using folder = await temporaryFolder()
    const set = ['--set', `${settings},topology=${topology}`, '--set', `optimizer=${optimizer}`]
    const store = join(folder.path, 'store')
    const ended = await runFlamectl(['run', 'examples/mnist', '--json', '--workers', '0', '--store', store, ...set])
    t.is(ended.status, status, ended.err)
    t.regex(ended.out + ended.err, told)
  })
