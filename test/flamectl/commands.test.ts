import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { parse } from 'yaml'
import { runChild } from '../support/child-lines.ts'
import { flamectlUp, runCommand } from '../support/flamectl-up.ts'
import { twoTierCode, twoTierSchema } from '../support/stored-job.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const main = fileURLToPath(new URL('../../flamectl/main.js', import.meta.url))

test.serial('a design, its parts, a dataset and a job are created, shown, changed and removed', async (t) => {
  await using folder = await temporaryFolder()
  await using up = await flamectlUp(join(folder.path, 'store'))
  const file = async (name: string, content: unknown) => {
    const path = join(folder.path, name)
    await writeFile(path, content instanceof Uint8Array ? content : JSON.stringify(content))
    return path
  }
  const done = async (...args: readonly string[]) => {
    const { status, out, err } = await up.command(...args)
    t.is(status, 0, `${args.join(' ')}: ${err}`)
    return out.trimEnd()
  }
  const json = async (...args: readonly string[]): Promise<unknown> => JSON.parse(await done(...args))

  t.is(await done('create', 'design', 'd', '-d', 'a first one'), 'design d created')
  t.is(await done('create', 'design', 'e', '-o', 'name'), 'e')
  t.is(await done('get', 'designs'), 'ID  NAME  DESCRIPTION\nd         a first one\ne')
  const few = await up.command('get', 'designs', '-l', '1', '-o', 'name')
  t.deepEqual([few.out, few.err], ['d\n', 'there are more than 1: see --limit\n'])
  t.is(await done('get', 'designs', '--limit', '0', '-o', 'name'), 'd\ne')
  t.regex(await done('get', 'quota'), /^NAME +USED +MOST\ndesigns +2 +any\n/)
  await done('update', 'design', 'd', '-n', 'first')
  t.like(await json('get', 'design', 'd'), { id: 'd', name: 'first', description: 'a first one' })

  const schema = await file('schema.json', { '//': 'two tiers', ...twoTierSchema, colour: 'red' })
  const created = await up.command('create', 'schema', 'd', schema)
  t.is(created.status, 0, created.err)
  t.is(created.err, `${schema}: there is no field colour, it is left out\n`)
  await done('update', 'schema', 'd', schema)
  t.like(await json('get', 'schema', 'd'), { name: 'two-tier', revision: 2 })

  await done('create', 'code', 'd', await file('code.zip', twoTierCode))
  t.deepEqual(await json('get', 'coderevision', 'd'), { revision: 1 })
  const cwd = join(folder.path, 'saved')
  await mkdir(cwd)
  const save = (...more: readonly string[]) =>
    runCommand(['get', 'code', 'd', '--endpoint', up.url, '--user', 'u', ...more], { cwd })
  t.is((await save()).status, 0)
  t.deepEqual(new Uint8Array(await readFile(join(cwd, 'd.zip'))), new Uint8Array(twoTierCode))
  const again = await save()
  t.is(again.status, 2)
  t.regex(again.err, /FILE_EXISTS.*\n.*--force/)
  t.is((await save('--force')).status, 0)

  const dataset = { url: 'file:///a', dataFormat: 'csv', realm: 'default', name: 'a', isPublic: true }
  const id = await done('create', 'dataset', await file('dataset.json', dataset), '-o', 'name')
  await done('update', 'dataset', id, await file('dataset.json', { ...dataset, name: 'b' }))
  t.like(await json('get', 'dataset', id), { id, name: 'b' })
  t.regex(await done('get', 'datasets', '--all'), /^ID +NAME +OWNER +FORMAT +REALM +PUBLIC +URL\n/)
  t.is(parse(await done('get', 'datasets', '-o', 'yaml'))[0].id, id)

  await file('data.json', { dataSpec: [{ role: 'trainer', datasetGroups: { default: [id] } }] })
  await file('model.json', { hyperparameters: { rounds: 3 } })
  const job = await file('job.json', {
    name: 'j',
    designId: 'd',
    backend: 'ws',
    dataSpecPath: 'data.json',
    modelSpecPath: 'model.json',
  })
  const jobId = await done('create', 'job', job, '-o', 'name')
  t.like(await json('get', 'job', jobId), { id: jobId, modelSpec: { hyperparameters: { rounds: 3 } } })
  t.like(await json('get', 'job', jobId, '--status'), { id: jobId, state: 'ready' })
  t.regex(await done('get', 'jobs'), new RegExp(`^ID .*STATE.*\\n${jobId} +j +ready`))
  await done('update', 'job', jobId, job)
  const tasks = (await done('get', 'tasks', jobId, '-o', 'name')).split('\n')
  t.is(tasks.length, 2)
  t.like(await json('get', 'task', jobId, tasks[0] ?? ''), { role: 'aggregator', key: 'hidden by system' })

  const used = await up.command('remove', 'design', 'd')
  t.is(used.status, 4)
  t.regex(used.err, /DESIGN_USED: design used in job/)
  await done('remove', 'job', jobId)
  await done('remove', 'dataset', id)
  await done('remove', 'code', 'd')
  await done('remove', 'schema', 'd')
  t.is(await done('remove', 'design', 'd', '--force'), 'design d is deleted')
  t.is(await done('get', 'designs', '-o', 'name'), 'e')
})

const failures: readonly [string, readonly string[], number, RegExp][] = [
  ['a thing that is not there', ['get', 'design', 'none'], 3, /DESIGN_UNKNOWN.*\n {2}create it/],
  ['what exists already', ['create', 'design', 'd'], 4, /DESIGN_EXISTS/],
  ['what the server finds invalid', ['create', 'design', 'a/b'], 4, /MODEL_INVALID/],
  ['a file that is not there', ['create', 'dataset', 'none.json'], 2, /FILE_UNREADABLE/],
  [
    'a file without a required field',
    ['create', 'dataset', 'package.json'],
    2,
    /MODEL_INVALID: the file package.json is .*\n {2}url/,
  ],
  ['an archive that is none', ['create', 'code', 'd', 'package.json'], 4, /CODE_ARCHIVE/],
  ['a missing argument', ['get', 'design'], 2, /missing required argument[^]*see flamectl get design --help/],
  ['an unknown command', ['make', 'design'], 2, /unknown command[^]*see flamectl --help/],
  ['an unknown thing', ['get', 'cake'], 2, /unknown command[^]*see flamectl get --help/],
  ['an unknown format', ['get', 'jobs', '-o', 'xml'], 2, /Allowed choices/],
  ['a change of nothing', ['update', 'design', 'd'], 2, /OPTION_VALUE: --name or --desc/],
  ['an impossible limit', ['get', 'jobs', '--limit', '-3'], 2, /OPTION_VALUE/],
  ['a port that is none', ['up', '--port', 'x'], 2, /OPTION_VALUE/],
  ['a configuration that is not there', ['get', 'jobs', '--config', 'none'], 2, /CONFIG_MISSING/],
  ['a scope that is none', ['token', 'u', '--scope', 'user,god', '--key-file', 'none/k'], 2, /OPTION_VALUE/],
  ['a token of no days', ['token', 'u', '--days', '0', '--key-file', 'none/k'], 2, /OPTION_VALUE/],
]
test.serial('failures have their exit status, and say what to do', async (t) => {
  await using folder = await temporaryFolder()
  await using up = await flamectlUp(join(folder.path, 'store'))
  await up.command('create', 'design', 'd')
  for (const [title, args, status, said] of failures) {
    const failed = await up.command(...args)
    t.is(failed.status, status, `${title}: ${failed.err}`)
    t.regex(failed.err, said, title)
    t.is(failed.out, '', title)
  }
})

test.serial('where nothing answers, it says where and how to start it', async (t) => {
  await using folder = await temporaryFolder()
  const up = await flamectlUp(join(folder.path, 'store'))
  await up.end('SIGKILL')
  const failed = await up.command('get', 'jobs')
  t.is(failed.status, 1)
  t.true(failed.err.includes(up.url) && failed.err.includes('flamectl up'), failed.err)
})

test.serial('up keeps its state over a stop and a kill, and refuses a port that is taken', async (t) => {
  await using folder = await temporaryFolder()
  const store = join(folder.path, 'store')
  const first = await flamectlUp(store)
  t.true(first.out().includes(`its state in ${join(store, 'state')}`))
  await first.command('create', 'design', 'a')
  const taken = await runCommand(['up', '--port', new URL(first.url).port, '--store', join(folder.path, 'other')])
  t.is(taken.status, 1)
  t.regex(taken.err, /UP_LISTEN.*\n.*--port/)
  t.is(await first.end('SIGINT'), 0)
  const second = await flamectlUp(store)
  await second.command('create', 'design', 'b')
  await second.end('SIGKILL')
  await using third = await flamectlUp(store)
  t.is((await third.command('get', 'designs', '-o', 'name')).out, 'a\nb\n')
})

test.serial('where tokens are asked for, one that flamectl issues opens the own things alone', async (t) => {
  await using folder = await temporaryFolder()
  const keyFile = join(folder.path, 'keys', 'keys.json')
  await using up = await flamectlUp(join(folder.path, 'store'), '--auth', '--key-file', keyFile)
  t.regex(up.out(), /FLAME_TOKEN=\$\(flamectl token/)
  const missing = await up.command('get', 'designs')
  t.is(missing.status, 4)
  t.regex(missing.err, /API_TOKEN_MISSING.*\n.*FLAME_TOKEN=\$\(flamectl token/)
  const { out } = await runCommand(['token', 'u', '--key-file', keyFile])
  const config = join(folder.path, 'config.yaml')
  await writeFile(config, `token: ${out}`)
  const own = ['create', 'design', 'd', '--endpoint', up.url, '--config', config]
  t.is((await runCommand(own)).status, 0, 'the token says whose design it is')
  const foreign = await runCommand(['get', 'designs', '--endpoint', up.url, '--user', 'v', '--config', config])
  t.is(foreign.status, 4)
  t.regex(foreign.err, /API_FOREIGN_USER: the token is that of u, and these are things of v/)
})

test('a user without a home and without a name works, and one who may not read the home that is named', async (t) => {
  await using folder = await temporaryFolder()
  await chmod(folder.path, 0o777)
  const user = process.getuid?.() === 0 ? { uid: 54_321, gid: 54_321 } : {}
  const workload = fileURLToPath(new URL('../../../examples/trivial', import.meta.url))
  const run = ['run', workload, '--workers', '0', '--set', 'rounds=1,clients=2']
  for (const [args, env] of [
    [['--version'], {}],
    [['--version'], { HOME: '' }],
    [run, {}],
    [[...run, '--store', 'other'], { HOME: '/root' }],
  ] as const) {
    const path = { PATH: process.env.PATH ?? '' }
    const ended = await runChild(process.execPath, [main, ...args], undefined, {
      ...user,
      cwd: folder.path,
      env: { ...path, ...env },
    })
    t.is(ended.status, 0, ended.err)
  }
})

test('a place that is named by nothing, or that cannot be, is refused by its option or its absolute path', async (t) => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'file')
  await writeFile(file, '')
  const workload = fileURLToPath(new URL('../../../examples/trivial', import.meta.url))
  const run = ['run', workload, '--workers', '0', '--set', 'rounds=1,clients=2']
  const up = ['up', '--port', '0']
  const long = 'x'.repeat(300)
  for (const [args, status, said] of [
    [[...run, '--store', ''], 2, /^error OPTION_VALUE: --store expects a folder/],
    [[...run, '--models', ' '], 2, /^error OPTION_VALUE: --models expects a folder/],
    [[...up, '--store', ''], 2, /^error OPTION_VALUE: --store expects a folder/],
    [[...up, '--auth', '--key-file', ''], 2, /^error OPTION_VALUE: --key-file expects a file/],
    [['token', 'u', '--key-file', ''], 2, /^error OPTION_VALUE: --key-file expects a file/],
    [[...up, '--store', 'file'], 1, new RegExp(`^error STORE_DENIED: ${file}/state `)],
    [[...up, '--store', long], 1, new RegExp(`^error STORE_DENIED: ${folder.path}/${long}/state .*too long`)],
    [[...up, '--auth', '--key-file', 'file/keys'], 1, new RegExp(`^error API_KEY_PLACE: .*${file}/keys`)],
    [['token', 'u', '--key-file', 'file/keys'], 1, new RegExp(`^error API_KEY_PLACE: .*${file}/keys`)],
    [
      [...run, '--models', 'file'],
      2,
      /^error OPTION_VALUE: --models expects a folder, and got "file", which is a file/,
    ],
  ] as const) {
    const ended = await runCommand(args, { cwd: folder.path })
    t.is(ended.status, status, ended.err)
    t.regex(ended.err, said)
    t.notRegex(ended.err, /\n {2}at /)
  }
})
