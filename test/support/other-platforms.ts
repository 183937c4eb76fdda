import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import { build } from 'esbuild'
import { chromium } from 'playwright-core'

/** A call of a built module's exported function on another platform. Arguments and result are JSON. */
export interface Call {
  readonly module: URL
  readonly name: string
  readonly args?: readonly unknown[]
}

export type NodeVersion = 20 | 22 | 24

const run = promisify(execFile)
const installer = fileURLToPath(new URL('../../../scripts/platform.js', import.meta.url))

/** Calls a function in a process of this version of Node, which is installed into .peers/ if it is missing. */
export async function runOnNode(version: NodeVersion, { module, name, args = [] }: Call): Promise<unknown> {
  const program = `
    const [url, name, args] = JSON.parse(process.argv[1])
    console.log(JSON.stringify(await (await import(url))[name](...args)))`
  const node = await nodeProgram(version)
  const { stdout } = await run(node, ['--input-type=module', '-e', program, JSON.stringify([module, name, args])])
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
export async function runInChromium(call: Call): Promise<unknown> {
  return evaluateInPage(await programOf('chromium'), call)
}

/** Path of this version of Node, which is installed into .peers/ if it is missing. */
export function nodeProgram(version: NodeVersion): Promise<string> {
  return programOf(`node-${version}`)
}

/** Path of the platform's program. Fails with a hint where the program can't be installed. */
async function programOf(platform: string): Promise<string> {
  const { stdout } = await run(process.execPath, [installer, platform]).catch(({ stderr }: { stderr: string }) => {
    throw new Error(`this test needs ${platform}, which could not be installed: ${stderr.trim()}`)
  })
  return stdout.trim()
}

/** Chromium's options: no sandbox, which root can't have, and no features that would use the network. */
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/**
 * Calls a function in a page of a new browser, which loads the module over the loopback interface. Fails if the module
 * needs Node.
 */
export async function evaluateInPage(program: string, { module, name, args = [] }: Call): Promise<unknown> {
  await using server = await serve(await browserBundle(module))
  const browser = await chromium.launch({ executablePath: program, args: flags })
  try {
    const page = await browser.newPage()
    await page.goto(server.address)
    const call = `(await import('${server.address}bundle.js'))[${JSON.stringify(name)}](...${JSON.stringify(args)})`
    return await page.evaluate(`(async () => ${call})()`)
  } finally {
    await browser.close()
  }
}

/** Serves a script on a free port of the loopback interface, which browsers take for secure. */
async function serve(script: Uint8Array) {
  const server = createServer(({ url }, response) => {
    const isScript = url === '/bundle.js'
    response.writeHead(200, {
      'content-type': isScript ? 'text/javascript' : 'text/html',
      // With these headers a page may share memory between threads.
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
    })
    response.end(isScript ? script : '<!doctype html><title>test</title>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('the server has no port')
  return {
    address: `http://127.0.0.1:${address.port}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Bundles a built module with its imports into one ES module for the browser, as an application's bundler does. */
export async function browserBundle(module: URL): Promise<Uint8Array> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(module)],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    logLevel: 'silent',
  })
  return outputFiles[0]?.contents ?? new Uint8Array()
}
