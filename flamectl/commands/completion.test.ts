import { execFile } from 'node:child_process'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { flamectl } from '../program.ts'
import { candidates, shells } from './completion.ts'

const values = (...words: readonly string[]) => candidates(flamectl([]), words).map(({ value }) => value)

test('commands, things, flags and the choices of values are completed at their places', (t) => {
  t.true(values('').includes('create'))
  t.deepEqual(values('cr'), ['create'])
  t.deepEqual(values('create', 'd'), ['design', 'dataset'])
  t.deepEqual(values('get', 'designs', '--li'), ['--limit'])
  t.deepEqual(values('-o', 'json', 'get', 'jobs', '--out'), ['--output'])
  t.deepEqual(values('get', 'jobs', '-o', ''), ['table', 'json', 'yaml', 'name'])
  t.deepEqual(values('completion', 'f'), ['fish'])
})

test("where a name of one's own is expected, there are no candidates", (t) => {
  t.deepEqual(values('create', 'schema', 'd', ''), [])
  t.deepEqual(values('--config', ''), [])
  t.deepEqual(values('get', 'designs', '--limit', ''), [])
  t.false(values('').includes('complete'))
})

test('bash completes commands, and names of files where there are no candidates', async (t) => {
  await using folder = await temporaryFolder()
  const bin = join(folder.path, 'bin')
  await mkdir(bin)
  const main = fileURLToPath(new URL('../main.js', import.meta.url))
  await writeFile(join(bin, 'flamectl'), `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`)
  await chmod(join(bin, 'flamectl'), 0o755)
  const script = `${shells.bash}
ask() { COMP_WORDS=(flamectl "$@"); COMP_CWORD=$#; _flamectl; printf '%s\\n' "\${COMPREPLY[*]}"; }
ask get de; ask create schema d ''; complete -p flamectl`
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` }
  const { stdout } = await promisify(execFile)('bash', ['--norc', '-c', script], { env })
  t.deepEqual(stdout.split('\n'), ['design designs', '', 'complete -o default -F _flamectl flamectl', ''])
})
