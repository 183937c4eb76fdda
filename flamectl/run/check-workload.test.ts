import { fileURLToPath } from 'node:url'
import test from 'ava'
import { checkWorkload } from './check-workload.ts'

const module = fileURLToPath(new URL('../../test/support/faulty.workload.js', import.meta.url))
const check = (fault: string) => checkWorkload(module, { overrides: { fault }, choices: {} })

test('a workload in order is checked as a whole', async (t) => {
  t.like(await check('none'), { clients: 64, clientsChecked: 64, weights: 9, remarks: [] })
})

const faults: Readonly<Record<string, readonly [code: string, message: RegExp]>> = {
  label: ['LEARN_LABEL', /^client 2: example 4 has label 3, but the model has 3 outputs/],
  shape: ['LEARN_INPUT', /^client 2: the model takes an input of shape \[2\], but an example has \[7\]/],
  empty: ['LEARN_EMPTY', /^client 2: there are no examples/],
  samples: ['WORKLOAD_SAMPLES', /^the data's samples\(3\) is 6, but the client has 5 examples/],
  'few-clients': ['JOB_CLIENTS', /\b64\b.*\b63\b/],
  role: ['JOB_ROLE_UNKNOWN', /role boss is none of trainer/],
  tags: ['ROLE_CHANNEL_MISSING', /role trainer needs one channel with the func tags fetch, upload/],
  'custom-layer': ['LEARN_INITIALIZER', /\/factor/],
  'outside-engine': ['LEARN_RANDOM_LAYER', /LSTM/],
  'random-topology': ['WORKLOAD_NOT_REPRODUCIBLE', /: topology\.schema\.name was /],
  'random-data': ['WORKLOAD_NOT_REPRODUCIBLE', /: data\.client\.0\.features differs/],
  'random-selector': ['WORKLOAD_NOT_REPRODUCIBLE', /: selection of the strategy\b/],
  'random-step': ['WORKLOAD_NOT_REPRODUCIBLE', /: step of the strategy /],
  'random-learner': ['WORKLOAD_NOT_REPRODUCIBLE', /: initial weights /],
}
for (const [fault, [code, message]] of Object.entries(faults)) {
  test(`the fault ${fault} is found without a run, and said with its place`, async (t) => {
    await t.throwsAsync(check(fault), { code, message })
  })
}

test('a model that ends with the softmax of its loss is remarked on, and so is what trains a base model', async (t) => {
  const { remarks, trainedBy } = await check('softmax')
  t.is(trainedBy, "the engine's WebAssembly kernels")
  t.regex(remarks.join(), /^softmaxCrossEntropy takes the input of the softmax of layer end/)
  t.regex((await check('slow-base')).trainedBy, /^TensorFlow\.js .* is of class RepeatVector, which it doesn't know/)
})
