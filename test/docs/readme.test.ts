import { execFile } from 'node:child_process'
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { flamectlUp } from '../support/flamectl-up.ts'
import { installPackage } from '../support/installed-package.ts'
import { type NodeVersion, nodeProgram } from '../support/other-platforms.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { codeBlocksOf, namedFilesOf, writeFiles } from './code-blocks.ts'

const run = promisify(execFile)
const clone = fileURLToPath(new URL('../../../', import.meta.url))
const root = await temporaryFolder()
const project = join(root.path, 'my-job')
const blocks = codeBlocksOf('README.md')
test.after.always(() => root[Symbol.asyncDispose]())

test.before(async () => {
  await installPackage(project)
  await writeFiles(namedFilesOf(blocks), project)
})

/** The block with this text, and the block after it, which shows what the commands print. */
function commandsAndOutput(text: string): readonly [string, string] {
  const at = blocks.findIndex((block) => block.text === text)
  const [commands, output] = [blocks[at]?.text, blocks[at + 1]?.text]
  if (commands === undefined || output === undefined) throw new Error(`the README has no block ${text}`)
  return [commands, output]
}

/** Lines without the times that they tell. */
function timeless(text: string): readonly string[] {
  return text
    .trim()
    .split('\n')
    .map((line) => line.replace(/\d+\.\d\d s$/, '… s'))
}

/** The lines of the README's output that the program didn't print. */
async function notPrinted(commands: string, output: string, env: NodeJS.ProcessEnv): Promise<readonly string[]> {
  const { stdout } = await run('sh', ['-ec', commands], { cwd: project, env })
  const printed = timeless(stdout)
  return timeless(output).filter((line) => line !== '…' && !printed.includes(line))
}

for (const version of [20, 22, 24] satisfies NodeVersion[])
  test.serial(
    `the README's workload and program run as written, and print what the README says, on Node ${version}`,
    async (t) => {
      const env = { ...process.env, PATH: [dirname(await nodeProgram(version)), process.env.PATH].join(delimiter) }
      await rm(join(project, '.flame'), { recursive: true, force: true })
      t.deepEqual(await notPrinted(...commandsAndOutput('npx flamectl run .\n'), env), [])
      t.deepEqual(await notPrinted(...commandsAndOutput('node program.mjs\n'), env), [])
      t.regex(await readFile(join(project, 'disc.svg'), 'utf8'), /^<svg/)
    },
  )

test.serial('the README names commands that follow the workload', async (t) => {
  const readme = await readFile('README.md', 'utf8')
  await rm(join(project, '.flame'), { recursive: true, force: true })
  const commands = [...readme.matchAll(/`(npx flamectl [^`]+)`/g)].map(([, command = '']) => command)
  t.true(commands.length >= 2)
  for (const command of commands) await run('sh', ['-ec', command], { cwd: project })
  const [, resume = ''] = /`(--resume [^`]+)`/.exec(readme) ?? []
  const { stdout } = await run('sh', ['-ec', `npx flamectl run . ${resume}`], { cwd: project })
  t.regex(stdout, /round 20\/20/)
})

test.serial("the README's workload fits the documented settings of TypeScript", async (t) => {
  const settings = codeBlocksOf('docs/workloads.md').find(({ language }) => language === 'json')?.text ?? ''
  await writeFile(join(project, 'tsconfig.json'), settings)
  await mkdir(join(project, 'node_modules/@types'), { recursive: true })
  await symlink(join(clone, 'node_modules/@types/node'), join(project, 'node_modules/@types/node'), 'junction')
  const compiler = join(clone, 'node_modules/typescript/bin/tsc')
  await t.notThrowsAsync(run(process.execPath, [compiler, '-p', project]))
})

test.serial("the README's commands create a job on a control plane, which the client lists", async (t) => {
  const folder = join(root.path, 'clone')
  await mkdir(folder)
  for (const name of ['dist', 'examples']) await symlink(join(clone, name), join(folder, name), 'junction')
  await using up = await flamectlUp(join(root.path, 'state'))
  const commands = blocks.find(({ text }) => text.includes('flamectl create design'))?.text ?? ''
  const env = { ...process.env, FLAME_ENDPOINT: up.url }
  const { stdout } = await run('sh', ['-ec', commands], { cwd: folder, env })
  t.regex(stdout, /completed/)
  const client = join(project, 'client.mjs')
  await writeFile(client, (await readFile(client, 'utf8')).replace('http://127.0.0.1:10100', up.url))
  t.regex((await run(process.execPath, [client])).stdout, /completed/)
})
