import test from 'ava'
import { emulationNotice, jobProducts, runsOnOf } from './job-products.ts'

const settings = { rounds: 1, clients: 1 }
const fusing = (isEmulated: boolean) => ({ fused: async () => ({ isEmulated }), runsOn: 'an engine' })

test('products are plain unless the job asks otherwise', async (t) => {
  const plain = await jobProducts(fusing(true), settings)
  t.deepEqual(plain, { products: 'plain', isEmulated: false })
  t.is(runsOnOf('an engine', plain), 'an engine')
  t.is(await jobProducts({}, { ...settings, arithmetic: 'plain' }), undefined)
})

test('emulation is said, or refused if the job asks for that', async (t) => {
  const emulated = await jobProducts(fusing(true), { ...settings, arithmetic: 'fused' })
  t.deepEqual(emulated, { products: 'fused', isEmulated: true })
  t.regex(runsOnOf('an engine', emulated) ?? '', /an engine, with fused multiply-add, which this platform emulates$/)
  t.is(emulationNotice(emulated)?.code, 'FUSED_EMULATED')
  const only = { ...settings, arithmetic: 'fused-only' }
  await t.throwsAsync(jobProducts(fusing(true), only), { code: 'LEARN_EMULATED' })
  const fused = await jobProducts(fusing(false), only)
  t.deepEqual(fused, { products: 'fused', isEmulated: false })
  t.is(runsOnOf('an engine', fused), 'an engine, with fused multiply-add')
  t.is(emulationNotice(fused), undefined)
})

test('a learner without fused products is refused, with what it runs on', async (t) => {
  for (const arithmetic of ['fused', 'fused-only']) {
    const asked = { ...settings, arithmetic }
    await t.throwsAsync(jobProducts({ runsOn: 'TensorFlow.js (wasm): as asked' }, asked), {
      code: 'LEARN_FUSED',
      message: `the job asks for arithmetic=${arithmetic}, which this learner has not: it runs on TensorFlow.js (wasm): as asked`,
    })
  }
})
