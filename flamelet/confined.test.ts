import { readFile } from 'node:fs/promises'
import test from 'ava'
import { flameletStage } from '../test/support/flamelet-stage.ts'
import { nodeProgram } from '../test/support/other-platforms.ts'

/** Code that tries what a task may not do, before the workload is made, and fails if any of it succeeds. */
const attempts = `
import { spawnSync } from 'node:child_process'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Worker } from 'node:worker_threads'

const told = JSON.parse(process.argv[2] ?? '{}')
const [state = ''] = told.bundleFile.split('/code/')
const own = told.paths[0]
const must = (isSo) => { if (!isSo) throw new Error('no') }
const attempts = {
  environment: () => must(JSON.stringify(process.env).includes('a-token-of-the-stage')),
  arguments: () => must(process.argv.join().includes('a-token-of-the-stage')),
  state: () => readdirSync(join(state, 'store')),
  report: () => readFileSync(join(state, 'flamelet.json')),
  others: () => readFileSync(join(dirname(own), 'ward-1.csv')),
  keys: () => readdirSync(join(dirname(own), 'keys')),
  write: () => writeFileSync(join(dirname(told.bundleFile), 'written'), ''),
  process: () => must(spawnSync(process.execPath, ['--version']).status === 0),
  thread: () => new Worker('', { eval: true }).unref(),
}
const reached = Object.entries(attempts).filter(([, attempt]) => { try { attempt(); return true } catch { return false } })
if (reached.length > 0) throw new Error('reached: ' + reached.map(([name]) => name).join(' '))
`

const wards = new URL('../../test/support/wards.workload.ts', import.meta.url)

for (const version of [22, 24] as const)
  test.serial(`the code of a task reaches its own data alone, on Node ${version}`, async (t) => {
    await using stage = await flameletStage({ clients: 2, code: attempts + (await readFile(wards, 'utf8')) })
    stage.join({ name: 'clinic', data: ['0'], node: await nodeProgram(version) })
    stage.join({ name: 'ward', data: ['1'], args: ['--isolation', 'none', '--workload', wards.pathname] })
    const first = await stage.server.line(({ type }) => type === 'not-hosting' || type === 'ended')
    t.is(first.type, 'ended', JSON.stringify(first))
    t.deepEqual(await stage.hashes(), await stage.inOneProcess())
  })

test.serial('without a permission model the same code reaches files, but neither token nor environment', async (t) => {
  await using stage = await flameletStage({ clients: 2, code: attempts + (await readFile(wards, 'utf8')) })
  stage.join({ name: 'clinic', data: ['0'], node: await nodeProgram(20) })
  const { cause } = await stage.server.line(({ type }) => type === 'not-hosting')
  const [, reached] = /reached: ([a-z ]+)/.exec(JSON.stringify(cause)) ?? []
  t.is(reached?.trim(), 'state report others keys write process thread')
})
