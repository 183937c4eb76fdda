import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import { evaluateInPage } from './chromium-page.ts'

/** An exported function of a built module, to be called elsewhere with arguments that are JSON, as its result is. */
export interface Call {
  readonly module: URL
  readonly name: string
  readonly args?: readonly unknown[]
}

export type NodeVersion = 20 | 22 | 24

const run = promisify(execFile)
const installer = fileURLToPath(new URL('../../../scripts/platform.js', import.meta.url))

/** Calls it in a process of this version of Node, which is installed into .peers/ if it is missing. */
export async function runOnNode(version: NodeVersion, { module, name, args = [] }: Call): Promise<unknown> {
  const program = `
    const [url, name, args] = JSON.parse(process.argv[1])
    console.log(JSON.stringify(await (await import(url))[name](...args)))`
  const node = await nodeProgram(version)
  const { stdout } = await run(node, ['--input-type=module', '-e', program, JSON.stringify([module, name, args])])
  return JSON.parse(stdout)
}

/** Calls it in a worker thread of this process. */
export async function runInWorker({ module, name, args = [] }: Call): Promise<unknown> {
  const program = `
    const { parentPort, workerData: [url, name, args] } = require('node:worker_threads')
    import(url).then((module) => module[name](...args)).then((result) => parentPort.postMessage(result))`
  const worker = new Worker(program, { eval: true, workerData: [module.href, name, args] })
  try {
    return await new Promise<unknown>((resolve, reject) => worker.once('message', resolve).once('error', reject))
  } finally {
    await worker.terminate()
  }
}

/** Calls it in a page of headless Chromium, which is installed if it is missing and this is root on a Debian. */
export async function runInChromium(call: Call): Promise<unknown> {
  return evaluateInPage(await programOf('chromium'), call)
}

/** Path of this version of Node, which is installed into .peers/ if it is missing. */
export function nodeProgram(version: NodeVersion): Promise<string> {
  return programOf(`node-${version}`)
}

/** Path of the platform's program. Fails, saying what to do, where it can't be had. */
async function programOf(platform: string): Promise<string> {
  const { stdout } = await run(process.execPath, [installer, platform]).catch(({ stderr }: { stderr: string }) => {
    throw new Error(`this test needs ${platform}, which could not be installed: ${stderr.trim()}`)
  })
  return stdout.trim()
}
