import test from 'ava'
import type { Page } from 'playwright-core'
import { runJob } from '../simulations/index.ts'
import { browserBundle, callInPage, emptyPage, startChromium } from './support/chromium.ts'
import drawn from './support/drawn.workload.ts'
import { type PageJobOptions, pageJob, pageToken } from './support/page-job.ts'

const scripts = {
  '/': emptyPage,
  '/page.js': await browserBundle(new URL('./support/flamelet-page.js', import.meta.url)),
  '/worker.js': await browserBundle(new URL('./support/flamelet-page-worker.js', import.meta.url)),
}
/** Nothing may be made of text, and no script comes from elsewhere; WebAssembly is allowed. */
const headers = { 'content-security-policy': "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'" }

async function hashesInNode(): Promise<readonly string[]> {
  const run = await runJob(drawn)
  return (await run.result).history.map(({ hash }) => hash)
}

const start = (options: Partial<PageJobOptions> = {}) =>
  pageJob({ workload: drawn, files: scripts, placeOf: (end) => (end === 'trainer-1' ? 'page' : undefined), ...options })
const join = (page: Page, more: object = {}) =>
  callInPage(page, '/page.js', 'join', [{ token: pageToken, name: 'page', ...more }])
const newsOf = (page: Page) => callInPage(page, '/page.js', 'news')

/** Resolves when the page has told of a text. Playwright's own limit of time applies. */
async function told(page: Page, text: string): Promise<void> {
  await page.waitForFunction(
    `import('/page.js').then((module) => module.news().some((line) => line.includes(${JSON.stringify(text)})))`,
  )
}

test.serial('a page and trainers in Node train the rounds with the hashes of one process', async (t) => {
  await using job = await start({ headers })
  await using browser = await startChromium()
  const page = await browser.open(job.site.address)
  await join(page, { realm: 'eu/west' })
  await job.completed
  t.deepEqual(job.hashes, await hashesInNode())
  t.like(job.registrations, [{ name: 'page', realm: 'eu/west', mostTasks: 1, datasets: [], hosted: [] }])
  await told(page, 'completed job-1 trainer-1')
  const news = await newsOf(page)
  t.true(Array.isArray(news) && news.includes('connection open') && news.includes('training job-1 trainer-1 1'))
  t.deepEqual(browser.complaints, [])
})
