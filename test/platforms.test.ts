import test from 'ava'
import { type Call, runInChromium, runInWorker, runOnNode } from './support/other-platforms.ts'
import { reproducibleFleet } from './support/reproducible-fleet.ts'
import { reproducibleTraining } from './support/reproducible-training.ts'
import { reproducibleWork } from './support/reproducible-work.ts'

const seed = 42
const args = [seed]
const work: Call = {
  module: new URL('./support/reproducible-work.js', import.meta.url),
  name: 'reproducibleWork',
  args,
}
const training: Call = {
  module: new URL('./support/reproducible-training.js', import.meta.url),
  name: 'reproducibleTraining',
  args,
}

const fleet: Call = {
  module: new URL('./support/reproducible-fleet.js', import.meta.url),
  name: 'reproducibleFleet',
  args,
}

const fusedTraining: Call = { ...training, args: [seed, 'fused'] }

/** Known results. A change of one of them changes the results of every job. */
const golden = {
  stream: '40fd793cbb7cdaa77646533195cb701ff143a4e8e73faf547b8acad98e34d393',
  draws: 'a1bd7f50f62bdb0a3dc492efa525c7d4cca9a81e4093c89533a3dd1324df9d1b',
  orthogonal: 'd0a1f5d422d1bc68918fb43053c395c6e6d91f60528788037bdae07c5333ffac',
  sum: 'a311ce5c88fa9803f9e2f09aeed617f86a3fec2c4b7d1e510d9bf8a8433a6fe5',
  asked: 5050,
}

/**
 * Known results of trainings: a hash of the weights, and the losses. A change affects each training with such layers,
 * steps or terms.
 */
const goldenTraining = {
  twoHiddenLayers:
    '7595ec9e7781b01b49b4e61fb953809c5b7064c6a2da43703d3e106534b0b019 0.9827593359349936 0.15065713382437904',
  batchNormalized:
    '1023866f576e67f5bc6d771bc50225653864e3fe2bb481e5dc2861f5f194de62 1.7527261498713416 1.5408842941022443',
  groupNormalized:
    'bce539ef38ecb122bdf79c3f480999409d59d96cdcdf2ec4742afde20ef6ae1b 0.7874852916812016 0.6571505073319581',
  clippedByExample:
    '8b8eabf49b2cab44e9e3fa386583d12cfb0d7eba93207df02a772f58664934fa 0.9717727129896809 0.9317513336397729',
  alongSteps: '85a9b0817146b41943f61427b5e55a276faf5389a6dfa9f0f937831dbc9274b7 1.6333456488632685 1.240121872151559',
  uShaped: '708e748ace3ce27cb7a84b739e51f62421f3adba29e3382aca9d7f4d8f194554 0.6516135154896265 0.5984115185043006',
  embedded: '2d7eec6910018c883125f3c09d39032c9e499b5355b15cfc919b3adcb1cbbf36 0.06135671986206962 0.00785827513358599',
  attended: '7c7358de0383bb7bde0072e2901f4b9d0615288f506f23bdc928e78f6b5bd483 0.5475159193446892 0.02469576749396948',
  recurrent: 'a82dfa8530150aee340e850afba1b2fcd6b28a4bbeaa2510816480c282844a48 0.08916586018074811 0.05524851638779583',
}

/** The same trainings with fused multiply-add. */
const goldenFused = {
  twoHiddenLayers:
    'e5cfa259d0a926b37c6a290b30761df40288cd45b16ed4af6ece3a489d314156 0.9827593091689344 0.1506571284303386',
  batchNormalized:
    'c0a398d604e46cf1bb3c6b0df72b7341052c9f2f31c2c0dd3c5a8322b614a495 1.7527261384066595 1.540884288495549',
  groupNormalized:
    'f1d181ad600a7a1d1489027cb4ca4ca806ad16b638a987ca34c44092aa61d87f 0.7874852752986581 0.6571505061542727',
  clippedByExample:
    '6962b931490c59195e7cbdc0e72cffdb0e11a5c1b6382e0592302f776f2b578b 0.9717727192887257 0.93175132191369',
  alongSteps: '59c18c7acd245ddd97c067cd7769de7ff19358d109e3ede57dc4b01c0e046df6 1.633345647882552 1.2401218611676545',
  uShaped: 'fdbc9db9bb2b55ef8b51df1b1f3f81b5ec043a6199ca2a329291633a6ae2d9b5 0.6516135065406644 0.5984115471306121',
  embedded: '64025cbc0bd55a9e4894f209721dca79f284b9330a513505529f2c532a2a7d88 0.06135671851871296 0.007858279066321165',
  attended: '969d01aa7823466c3237a3e414f14d9f6f89920f824370a5111365a5268403b1 0.5475159136422849 0.02469575800399774',
  recurrent: 'e4986c4d843556538d9f35090687b92adf0de19d2764e382e0b01798f452c606 0.08916586036222779 0.05524851600989942',
}

/** By kind of fleet: the last round's hash and virtual time, and a hash of the facts of all rounds. */
const goldenFleet = {
  fedavg:
    '3dcc02ad7da0f323f8e7adf851397e3e36eb6f6cddf5059d286b6e24a84aa3b8 10213.811841141538 8642035caf572d3acf86e0024ab5bbd4c555377cf83a11fa6f4f0980e70108d2',
  fedbuff:
    '2085bf29479b7a4e05936a757a4aef98b3b676bdc906d95bd3b8a2d8bfde14cb 16290.478797157288 e74efcb652616dfcf762121529e8ebba78bb19267e0149424d914b77050870c5',
  scaffold:
    'dca55e44136bcdb206e1e4be264fb3f2372ede3bb947aff8693eeb71a7b36c1f 12722.559365804638 cbd0385e2ce24f7fd243f3caea9cf1489aba632f1a29a6d2a5b3ec1fe5702a2e',
  buffers:
    '76a46d257ca12bf6be4b2ba7a35ba37e131fab45874c0d56540241f352662236 27108.45047261008 d8ab13cec5e274948131eba49b1b69d724de61a67d5ff2e21e706474aef70a2b',
  tree: 'c5b393a46731f633f6ffe9fc3c90e648e9a4fc4b3c37a705919e0dc7a7e58837 91391.14281223791 3619549ac49355edd25b39484e2e7ac5e42a0f3885712b1db9e8644f88a8202f',
}

const platforms: Record<string, (call: Call) => Promise<unknown>> = {
  'a worker thread': runInWorker,
  'Node 20': (call) => runOnNode(20, call),
  'Node 22': (call) => runOnNode(22, call),
  'Node 24': (call) => runOnNode(24, call),
  Chromium: runInChromium,
}

test.serial('streams, draws, sums and actors give the golden results in this thread', async (t) => {
  t.deepEqual(await reproducibleWork(seed), golden)
})

test.serial('whole trainings give the golden results in this thread', async (t) => {
  t.deepEqual(await reproducibleTraining(seed), goldenTraining)
  t.deepEqual(await reproducibleTraining(seed, 'fused'), goldenFused)
})

for (const [platform, run] of Object.entries(platforms)) {
  test.serial(`streams, draws, sums and actors give the golden results in ${platform}`, async (t) => {
    t.deepEqual(await run(work), golden)
  })

  test.serial(`whole trainings give the golden results in ${platform}`, async (t) => {
    t.deepEqual(await run(training), goldenTraining)
    t.deepEqual(await run(fusedTraining), goldenFused)
  })
}

test.serial('fleets have the golden rounds and virtual times in this thread', async (t) => {
  t.deepEqual(await reproducibleFleet(seed), goldenFleet)
})

for (const version of [20, 22, 24] as const)
  test.serial(`fleets have the golden rounds and virtual times in Node ${version}`, async (t) => {
    t.deepEqual(await runOnNode(version, fleet), goldenFleet)
  })

if (process.arch === 'x64') {
  test.serial('whole trainings give the golden results where fused multiply-add is emulated', async (t) => {
    t.deepEqual(await runOnNode(22, fusedTraining, ['--no-enable-fma3']), goldenFused)
  })
}

test('another seed gives other results', async (t) => {
  const other = await reproducibleWork(seed + 1)
  t.not(other.stream, golden.stream)
  t.not(other.draws, golden.draws)
  t.not(other.sum, golden.sum)
  const trained = await reproducibleTraining(seed + 1)
  for (const [name, result] of Object.entries(goldenTraining)) t.not(Reflect.get(trained, name), result)
})
