import { createServer } from 'node:http'
import { chromium } from 'playwright-core'
import { browserBundle } from './browser-bundle.ts'
import type { Call } from './other-platforms.ts'

/** Apart from the sandbox, which root can't have: nothing that would ask for the network. */
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
 * Calls the function in a page of a browser of its own, over the loopback interface. Fails if the module needs what only
 * Node has.
 */
export async function evaluateInPage(program: string, { module, name, args = [] }: Call): Promise<unknown> {
  await using server = await serve(await browserBundle(module))
  const browser = await chromium.launch({ executablePath: program, args: flags })
  try {
    const page = await browser.newPage()
    await page.goto(server.address)
    return await page.evaluate(
      async ([url, name, args]) => {
        const loaded: Record<string, (...args: unknown[]) => unknown> = await import(url)
        const called = loaded[name]
        if (!called) throw new Error(`the module exports no ${name}`)
        return called(...args)
      },
      [`${server.address}bundle.js`, name, args] as const,
    )
  } finally {
    await browser.close()
  }
}

/** On a free port of the loopback interface, which browsers take for secure. */
async function serve(script: Uint8Array) {
  const server = createServer(({ url }, response) => {
    const isScript = url === '/bundle.js'
    response.writeHead(200, {
      'content-type': isScript ? 'text/javascript' : 'text/html',
      // With these a page may share memory between threads.
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
