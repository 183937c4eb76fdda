import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { CodedError } from '../../runtime/index.ts'
import { loadWorkload } from './load-workload.ts'

const root = mkdtempSync(join(tmpdir(), 'flame-workload-'))
test.after.always(() => rmSync(root, { recursive: true }))

function folderWith(file: string, source: string): string {
  const folder = mkdtempSync(join(root, 'w-'))
  writeFileSync(join(folder, file), source)
  return folder
}

const parts = 'learner() {}, data() {}, topology() {}, strategy() {}'
const whole = `{ name: 'small', settings: { rounds: 1, clients: 2 }, ${parts} }`

for (const file of ['workload.ts', 'workload.mjs']) {
  test(`a folder's ${file} is loaded`, async (t) => {
    const folder = folderWith(file, `export default ${whole}`)
    const { workload, module } = await loadWorkload(folder)
    t.is(workload.name, 'small')
    t.true(module.href.endsWith(`/${file}`))
    t.is((await loadWorkload(join(folder, file))).workload, workload)
  })
}

test('TypeScript is loaded with its types, in a folder of ES modules and in one of none', async (t) => {
  for (const type of ['module', 'commonjs']) {
    const folder = folderWith(
      'workload.ts',
      `const rounds: number = 3\nexport default { ...${whole}, settings: { rounds, clients: 1 } }`,
    )
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ type }))
    t.is((await loadWorkload(folder)).workload.settings.rounds, 3)
  }
})

test('a workload shares the modules of whoever loads it', async (t) => {
  const runtime = import.meta.resolve('flame-fl/runtime')
  const source = `import { CodedError } from '${runtime}'\nthrow new CodedError('X', { message: 'x', hint: 'x' }, {})`
  const folder = folderWith('workload.ts', source)
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  const error = await t.throwsAsync(loadWorkload(folder), { code: 'WORKLOAD_BROKEN' })
  t.true(error.cause instanceof CodedError)
})

test('a folder that does not exist, or holds no workload, is refused', async (t) => {
  await t.throwsAsync(loadWorkload(join(root, 'none')), { code: 'WORKLOAD_MISSING' })
  await t.throwsAsync(loadWorkload(folderWith('other.ts', '')), { code: 'WORKLOAD_MISSING' })
})

test('a module that throws, or is no program, is refused with the cause', async (t) => {
  const thrown = await t.throwsAsync(loadWorkload(folderWith('workload.mjs', "throw new Error('no data')")), {
    code: 'WORKLOAD_BROKEN',
    message: /no data/,
  })
  t.true(thrown.cause instanceof Error)
  await t.throwsAsync(loadWorkload(folderWith('workload.ts', 'export default {')), { code: 'WORKLOAD_BROKEN' })
})

test('each fault of a default export is named', async (t) => {
  await t.throwsAsync(loadWorkload(folderWith('workload.mjs', 'export const x = 1')), {
    code: 'WORKLOAD_SHAPE',
    message: /there is none/,
  })
  const broken =
    "export default { name: 'A b', settings: { rounds: '1', extra: [] }, learner() {}, data() {}, topology: 1 }"
  const error = await t.throwsAsync(loadWorkload(folderWith('workload.mjs', broken)), { code: 'WORKLOAD_SHAPE' })
  for (const part of ['name', 'settings.rounds', 'settings.clients', 'settings.extra', 'topology', 'strategy']) {
    t.true(error.message.includes(`${part} must`), part)
  }
})
