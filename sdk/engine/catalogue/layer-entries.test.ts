import test from 'ava'
import { layerBuilders } from '../model/layers.ts'
import { recordedClasses } from '../model/model-recorder.ts'
import { describedSettings, factoriesOf, layerEntries } from './layer-entries.ts'

test('every layer that can be built or recorded has an entry, once, and no other layer has one', (t) => {
  const known = new Set([...Object.keys(layerBuilders), ...Object.values(recordedClasses)])
  const entries = layerEntries.map(({ className }) => className)
  t.deepEqual([...entries].toSorted(), [...known].toSorted())
})

/** Layers that aren't built by themselves: the input of a model, and a layer with the weights of another. */
const unbuilt = ['InputLayer', 'TiedDense']

/** The layers that functions of this package make. */
const own = ['GroupNormalization', 'MultiHeadAttention', 'PositionEmbedding', 'SinePositionEncoding', 'TiedDense']

for (const entry of layerEntries) {
  const { className, example, settings = {} } = entry
  test(`the entry of ${className} describes the settings that its builder reads, and no others`, (t) => {
    const described = describedSettings(entry)
    const names = new Set(described.map(({ name }) => name))
    for (const { name, help } of described) t.truthy(help, `${name} is not described`)
    for (const name of Object.keys(settings))
      t.true(names.has(name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())), `${name} is not read`)
    t.is(example === undefined, unbuilt.includes(className))
    t.is(factoriesOf(className).length === 0, own.includes(className))
  })
}
