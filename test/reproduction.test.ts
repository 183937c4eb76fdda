import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { temporaryFolder } from './support/temporary-folder.ts'

const program = fileURLToPath(new URL('../bench/repro/main.js', import.meta.url))

test('a quick reproduction fetches its data, learns from them, and writes nothing', async (t) => {
  await using folder = await temporaryFolder()
  const args = ['heart', '--quick', '--only', 'FedAdam,pooled', '--folder', folder.path]
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...args])
  for (const row of ['FedAdam', 'pooled training']) {
    const accuracy = new RegExp(`^\\| ${row} \\| ([\\d.]+) % \\(`, 'm').exec(stdout)?.[1]
    // 54 % of the patients are ill.
    t.true(Number(accuracy) > 60, stdout)
  }
  t.regex(stdout, /^\| SCAFFOLD \| not run \(74\.8\)/m)
  t.deepEqual(await readdir(folder.path), [])
})

test('a reproduction that there is not is refused with those that there are', async (t) => {
  const refused = await t.throwsAsync(promisify(execFile)(process.execPath, [program, 'hart']))
  t.regex(String(refused), /usage: npm run repro -- <fedavg-mnist\|heart\|adult/)
})
