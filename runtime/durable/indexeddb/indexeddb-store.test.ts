import test from 'ava'
import { browserBundle, callInPage, emptyPage, siteOf, startChromium } from '../../../test/support/chromium.ts'
import { temporaryFolder } from '../../../test/support/temporary-folder.ts'
import { storeContract } from '../store.contract.ts'

const contract = await browserBundle(new URL('../../../test/support/store-contract-page.js', import.meta.url))
const stores = await browserBundle(new URL('../../../test/support/store-in-page.js', import.meta.url))
const site = await siteOf({ '/': emptyPage, '/contract.js': contract, '/stores.js': stores })
const browser = await startChromium()
const page = await browser.open(site.address)
test.after.always(async () => {
  await browser[Symbol.asyncDispose]()
  await site[Symbol.asyncDispose]()
})

// Each test of the contract runs in the page, where the databases are.
storeContract(
  (title) =>
    test(title, async (t) => {
      await callInPage(page, '/contract.js', 'runTest', [title])
      t.pass()
    }),
  () => Promise.reject(new Error('the page opens the stores')),
)

test('what was acknowledged survives SIGKILL of the browser', async (t) => {
  await using profile = await temporaryFolder()
  let acknowledged = 0
  for (let kill = 0; kill < 3; kill++) {
    await using killed = await startChromium(profile.path)
    const writing = await killed.open(site.address)
    const before = acknowledged
    const enough = new Promise<void>((resolve) =>
      writing.on('console', (message) => {
        const [, version] = /^saved (\d+)$/.exec(message.text()) ?? []
        acknowledged = Number(version ?? acknowledged)
        if (acknowledged >= before + 20) resolve()
      }),
    )
    callInPage(writing, '/stores.js', 'saveOnAndOn', ['killed', 'key']).catch(() => {})
    await enough
    await killed.kill()
  }
  await using again = await startChromium(profile.path)
  const found = await callInPage(await again.open(site.address), '/stores.js', 'saved', ['killed', 'key'])
  const [version, byte, entries]: readonly unknown[] = Array.isArray(found) ? found : []
  t.true(typeof version === 'number' && version >= acknowledged && version <= acknowledged + 2, `${version}`)
  t.is(byte, (Number(version) - 1) % 256)
  t.true(typeof entries === 'number' && entries >= Number(version) && entries <= Number(version) + 3, `${entries}`)
})

test('a store whose database the browser has closed says so, and of two pages that share one, the later save is refused', async (t) => {
  const second = await browser.open(site.address)
  t.deepEqual(await callInPage(second, '/stores.js', 'sharedSave', ['shared']), ['STORE_VERSION', 'STORE_LOST'])
})
