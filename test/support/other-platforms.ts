import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import { browserBundle, callInPage, emptyPage, siteOf, startChromium } from './chromium.ts'
import { programOf } from './platform-program.ts'

/** A call of a built module's exported function on another platform. Arguments and result are JSON. */
export interface Call {
  readonly module: URL
  readonly name: string
  readonly args?: readonly unknown[]
}

export type NodeVersion = 20 | 22 | 24

const run = promisify(execFile)

/** Calls a function in a process of this version of Node, with these options, which is installed into .peers/ if it is missing. */
export async function runOnNode(
  version: NodeVersion,
  { module, name, args = [] }: Call,
  options: readonly string[] = [],
): Promise<unknown> {
  const program = `
    const [url, name, args] = JSON.parse(process.argv[1])
    console.log(JSON.stringify(await (await import(url))[name](...args)))`
  const node = await nodeProgram(version)
  const given = JSON.stringify([module, name, args])
  const { stdout } = await run(node, [...options, '--input-type=module', '-e', program, given])
  return JSON.parse(stdout)
}

/** Calls a function in a worker thread of this process. */
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

/** Calls a function in a page of headless Chromium, which is installed if it is missing, by root on a Debian. */
export async function runInChromium({ module, name, args = [] }: Call): Promise<unknown> {
  await using site = await siteOf({ '/': emptyPage, '/bundle.js': await browserBundle(module) })
  await using browser = await startChromium()
  const page = await browser.open(site.address)
  return await callInPage(page, '/bundle.js', name, args)
}

/** Path of this version of Node, which is installed into .peers/ if it is missing. */
export function nodeProgram(version: NodeVersion): Promise<string> {
  return programOf(`node-${version}`)
}
