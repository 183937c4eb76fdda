import { execFile } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { nodeProgram } from '../support/other-platforms.ts'
import { codeBlocksOf, namedFilesOf, writeFiles } from './code-blocks.ts'

const run = promisify(execFile)
const clone = fileURLToPath(new URL('../../../', import.meta.url))
const files = namedFilesOf(codeBlocksOf('docs/roles.md'))
const names = [...files.keys()]
const folder = mkdtempSync(join(tmpdir(), 'flame-roles-'))
test.after.always(() => rm(folder, { recursive: true }))

test.before(async () => {
  await writeFiles(files, folder)
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  await mkdir(join(folder, 'node_modules/@types'), { recursive: true })
  await symlink(clone, join(folder, 'node_modules/flame-fl'), 'junction')
  await symlink(join(clone, 'node_modules/@types/node'), join(folder, 'node_modules/@types/node'), 'junction')
})

for (const name of names.filter((each) => each.endsWith('.test.ts')))
  test(`docs/roles.md: ${name} passes as written`, async (t) => {
    await t.notThrowsAsync(run(await nodeProgram(24), ['--test', name], { cwd: folder }))
  })

test('docs/roles.md has a role, a topology, an algorithm and a selector, each with a test', (t) => {
  const tested = names.filter((name) => names.includes(name.replace('.ts', '.test.ts')))
  t.deepEqual(tested, ['median.ts', 'tree.ts', 'fed-momentum.ts', 'anchored.ts'])
})

test('the files of docs/roles.md fit the documented settings of TypeScript', async (t) => {
  const settings = codeBlocksOf('docs/workloads.md').find(({ language }) => language === 'json')?.text ?? ''
  await writeFile(join(folder, 'tsconfig.json'), settings)
  const compiler = join(clone, 'node_modules/typescript/bin/tsc')
  const { stdout } = await run(process.execPath, [compiler, '-p', folder]).catch((failed) => failed)
  t.is(stdout, '')
})
