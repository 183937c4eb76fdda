import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { chromium, type Page } from 'playwright-core'
import { programOf } from './platform-program.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** A headless Chromium, in processes of its own. */
export interface Chromium extends AsyncDisposable {
  /** Opens a page. Its faults and its errors in the console are in `complaints`. */
  open(address: string): Promise<Page>
  readonly complaints: readonly string[]
  /** Ends the browser by SIGKILL. */
  kill(): Promise<void>
}

/** Chromium's options: no sandbox, which root can't have, and no features that would use the network. */
const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/**
 * Starts a browser, which is installed if it is missing, by root on a Debian. The browser keeps its data in the folder `profile`.
 * Default: a folder that is removed with it.
 */
export async function startChromium(profile?: string, ...more: readonly string[]): Promise<Chromium> {
  const program = await programOf('chromium')
  const folder = profile === undefined ? await temporaryFolder() : undefined
  const data = `--user-data-dir=${profile ?? folder?.path}`
  const child = spawn(program, [...flags, ...more, data, '--remote-debugging-port=0', 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = once(child, 'exit')
  const said: string[] = []
  const endpoint = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      said.push(line)
      const [, found] = /DevTools listening on (ws:\S+)/.exec(line) ?? []
      if (found !== undefined) resolve(found)
    })
    void ended.then(() => reject(new Error(`chromium ended: ${said.join('\n')}`)))
  })
  const browser = await chromium.connectOverCDP(endpoint)
  const complaints: string[] = []

  async function kill(): Promise<void> {
    child.kill('SIGKILL')
    await ended
    await browser.close().catch(() => {})
  }
  return {
    complaints,
    async open(address) {
      const [context] = browser.contexts()
      if (!context) throw new Error('chromium has no context')
      const page = await context.newPage()
      // A test's own limit of time suffices.
      page.setDefaultTimeout(0)
      page.on('pageerror', ({ message }) => complaints.push(message))
      page.on('console', (message) => {
        if (message.type() === 'error') complaints.push(message.text())
      })
      await page.goto(address)
      return page
    },
    kill,
    async [Symbol.asyncDispose]() {
      await kill()
      await folder?.[Symbol.asyncDispose]()
    },
  }
}

/** A page without content. */
export const emptyPage = '<!doctype html><title>test</title>'

/** A site on the loopback interface, which browsers take for secure. */
export interface Site extends AsyncDisposable {
  readonly address: string
  readonly server: Server
}

/** Serves files, by their paths, on a free port. Paths that end in `.js` are scripts, others pages. */
export async function siteOf(
  files: Readonly<Record<string, string | Uint8Array>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Site> {
  const server = createServer(({ url = '/' }, response) => {
    const path = new URL(url, 'http://site').pathname
    const content = Object.hasOwn(files, path) ? files[path] : undefined
    // Browsers ask for an icon.
    response.writeHead(path === '/favicon.ico' ? 204 : content === undefined ? 404 : 200, {
      'content-type': path.endsWith('.js') ? 'text/javascript' : 'text/html',
      // With these headers a page may share memory between threads.
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
      ...headers,
    })
    response.end(content)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('the server has no port')
  return {
    address: `http://127.0.0.1:${address.port}/`,
    server,
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

/** Calls a function of a script of the page's site. Arguments and result are JSON. */
export function callInPage(page: Page, script: string, name: string, args: readonly unknown[] = []): Promise<unknown> {
  // A text, since a compiler may rewrite a function's imports.
  return page.evaluate(`(async () => (await import('${script}'))['${name}'](...${JSON.stringify(args)}))()`)
}
