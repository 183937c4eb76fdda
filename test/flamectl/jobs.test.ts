import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { twoTier } from '../../sdk/index.ts'
import { flamectlUp, type RunningUp, runCommand } from '../support/flamectl-up.ts'
import { zipped } from '../support/stored-job.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const main = fileURLToPath(new URL('../../flamectl/main.js', import.meta.url))

/** Rounds of a tenth of a second and more, so that there is time to stop it. */
const workload = `
import { fedAvg, inMemoryExamples, twoTier, workload } from 'flame-fl/sdk'
const examples = inMemoryExamples({ features: Uint8Array.of(0), labels: [0], shape: [1] })
const learner = {
  layout: { tensors: [{ name: 'w', shape: [2] }], size: 2 },
  initialWeights: async () => new Float32Array(2),
  train: async ({ random }) => {
    await new Promise((resolve) => setTimeout(resolve, 100))
    return { delta: new Float32Array(2).fill(random.uniform()), samples: 1, metrics: { loss: 0 } }
  },
  evaluate: async (weights) => ({ samples: 1, metrics: { loss: weights[0], accuracy: 0.5 } }),
}
export default workload({
  name: 'slow',
  settings: { rounds: 2, clients: 2 },
  learner: () => learner,
  data: ({ clients }) => ({ clients, client: () => examples, test: examples }),
  topology: ({ clients }) => twoTier({ clients }),
  strategy: () => fedAvg(),
})
`

/** Creates a job of this workload through commands; its id is answered. */
async function createdJob(t: ExecutionContext, up: RunningUp, folder: string, rounds: number): Promise<string> {
  const done = async (...args: readonly string[]) => {
    const { status, out, err } = await up.command(...args)
    t.is(status, 0, `${args.join(' ')}: ${err}`)
    return out.trim()
  }
  const file = async (name: string, content: string | Uint8Array) => {
    await writeFile(join(folder, name), content)
    return join(folder, name)
  }
  await done('create', 'design', 'd')
  await done('create', 'schema', 'd', await file('schema.json', JSON.stringify(twoTier({ clients: 2 }).schema)))
  const code = zipped({ 'top-aggregator/readme': '-', 'trainer/workload.js': workload })
  await done('create', 'code', 'd', await file('code.zip', code))
  const dataset = await file('dataset.json', JSON.stringify({ url: 'file:///a', dataFormat: 'csv', realm: 'default' }))
  const ids = [
    await done('create', 'dataset', dataset, '-o', 'name'),
    await done('create', 'dataset', dataset, '-o', 'name'),
  ]
  const job = {
    name: 'j',
    designId: 'd',
    backend: 'p2p',
    dataSpec: [{ role: 'trainer', datasetGroups: { default: ids } }],
    modelSpec: { hyperparameters: { rounds } },
  }
  return done('create', 'job', await file('job.json', JSON.stringify(job)), '-o', 'name')
}

test.serial('a job is started, followed to its end, and told of afterwards', async (t) => {
  await using folder = await temporaryFolder()
  await using up = await flamectlUp(join(folder.path, 'store'))
  const id = await createdJob(t, up, folder.path, 3)
  t.is((await up.command('logs', id)).out, '')
  t.regex((await up.command('start', 'job', id)).out, new RegExp(`job ${id} is starting`))
  const watching = up.command('jobs', 'watch', id, '-o', 'json')
  const followed = await up.command('logs', '-f', id)
  t.is(followed.status, 0, followed.err)
  const lines = followed.out
    .trim()
    .split('\n')
    .map((line) => line.replace(/^\S+ /, ''))
  t.deepEqual(
    lines
      .filter((line) => /^(starting|deploying|running|completed|round)/.test(line))
      .map((line) => line.split('  ')[0]),
    ['starting', 'deploying', 'running', 'round 1', 'round 2', 'round 3', 'completed'],
  )
  t.true(lines.includes('trainer-1: completed'))
  t.is((await up.command('logs', id)).out, followed.out)
  const watched = (await watching).out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.like(watched.at(-1), { job: id, event: { type: 'state', state: 'completed' } })
  t.is(watched.filter(({ event }) => event.type === 'round').length, 3)
  t.regex((await up.command('get', 'jobs')).out, new RegExp(`${id} +j +completed`))

  const refused = await up.command('stop', 'job', id)
  t.is(refused.status, 4)
  t.regex(refused.err, /JOB_STATE/)
  for (const args of [
    ['logs', 'none'],
    ['logs', '-f', 'none'],
    ['jobs', 'watch', 'none'],
    ['start', 'job', 'none'],
  ]) {
    const missing = await up.command(...args)
    t.is(missing.status, 3, missing.err)
  }
})

test.serial('a job is stopped, goes on where it was, and a killed server goes on with it', async (t) => {
  await using folder = await temporaryFolder()
  const store = join(folder.path, 'store')
  let up = await flamectlUp(store)
  const id = await createdJob(t, up, folder.path, 40)
  const roundsOf = async () =>
    (await up.command('logs', id)).out.split('\n').flatMap((line) => {
      const [, round] = / round (\d+) /.exec(line) ?? []
      return round === undefined ? [] : [Number(round)]
    })
  await up.command('start', 'job', id)
  await up.command('stop', 'job', id)
  t.regex((await up.command('logs', '-f', id)).out, / terminated\n$/)
  const before = await roundsOf()
  t.true(before.length < 40)
  await up.command('start', 'job', id)
  while ((await roundsOf()).length < before.length + 2);
  await up.end('SIGKILL')

  up = await flamectlUp(store)
  t.regex((await up.command('logs', '-f', id)).out, / completed\n$/)
  const rounds = await roundsOf()
  t.deepEqual(new Set(rounds), new Set(Array.from({ length: 40 }, (_, index) => index + 1)))
  t.true(rounds.length <= 43, `${rounds.length} rounds`)
  t.is(await up.end('SIGTERM'), 0)
})

test.serial("the example's design becomes a job that learns", async (t) => {
  await using folder = await temporaryFolder()
  await using up = await flamectlUp(join(folder.path, 'store'))
  const done = async (...args: readonly string[]) => {
    const { status, out, err } = await up.command(...args)
    t.is(status, 0, `${args.join(' ')}: ${err}`)
    t.is(err, '')
    return out.trim()
  }
  await done('create', 'design', 'circle')
  await done('create', 'schema', 'circle', 'examples/design/schema.json')
  await done('create', 'code', 'circle', 'examples/design/code')
  await done('create', 'dataset', 'examples/design/dataset.json')
  const id = await done('create', 'job', 'examples/design/job.json', '-o', 'name')
  await done('start', 'job', id)
  const followed = await done('logs', '-f', id)
  t.regex(followed, / round 5  accuracy 9\d/)
  t.regex(followed, / completed$/)
})

test.serial('who watches jobs while none is under way is told so', async (t) => {
  await using folder = await temporaryFolder()
  await using up = await flamectlUp(join(folder.path, 'store'))
  const watching = spawn(process.execPath, [main, 'jobs', 'watch', '--endpoint', up.url])
  const closed = once(watching, 'close')
  let err = ''
  watching.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
  })
  while (!err.includes('\n')) await once(watching.stderr, 'data')
  t.regex(err, /no job is under way; waiting/)
  watching.kill('SIGKILL')
  await closed
})

test.serial('a run whose models would lie in a file is refused before anything is begun', async (t) => {
  await using folder = await temporaryFolder()
  const [file, store] = [join(folder.path, 'file'), join(folder.path, 'store')]
  await writeFile(file, '')
  const refused = await runCommand(['run', 'examples/mnist', '--store', store, '--models', file])
  t.is(refused.status, 2)
  t.regex(refused.err, /--models expects a folder/)
  t.false(existsSync(store))
})
