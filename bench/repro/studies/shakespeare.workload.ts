import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  fedAvg,
  layersLearner,
  type ModelFunction,
  type RandomStream,
  spread,
  subset,
  twoTier,
  workload,
} from 'flame-fl/sdk'
import { characterCount, padding, type Role, rolesOf, sequencesOf, splitLines } from './plays.ts'

const steps = 80

/** The next character after each of 80, with the embedding and the layers of the FedAvg paper's model. */
const nextCharacter =
  (layerCount: number, units: number): ModelFunction =>
  ({ layers, sequential }) =>
    sequential({
      layers: [
        layers.embedding({
          inputDim: characterCount,
          outputDim: 8,
          inputLength: steps,
          embeddingsInitializer: 'glorotUniform',
        }),
        ...Array.from({ length: layerCount }, () =>
          layers.lstm({ units, recurrentActivation: 'sigmoid', unitForgetBias: true, returnSequences: true }),
        ),
        layers.dense({ units: characterCount }),
      ],
    })

/** Next characters in plays, with a client for each role. */
export default workload({
  name: 'shakespeare',
  settings: {
    rounds: 50,
    /** Roles, drawn from those with two lines or more. */
    clients: 1_282,
    fraction: 0.1,
    /** `key`: a client has the lines of a role. `iid`: equal parts of the sequences of all roles, in a random order. */
    partition: 'key',
    layers: 1,
    units: 128,
    learningRate: 3,
    epochs: 1,
    batch: 10,
    /** Most sequences of the roles' test lines. */
    test: 2_000,
  },
  learner: ({ layers, units, learningRate, epochs, batch }) =>
    layersLearner({
      model: nextCharacter(layers, units),
      loss: { name: 'softmaxCrossEntropy', masked: padding },
      learningRate,
      epochs,
      batch,
    }),
  async data({ clients, partition: scheme, test }, random, datasets) {
    const roles = await speakingRoles(datasets.path('plays'))
    const texts = drawn(roles, clients, random).map(splitLines)
    const sequences = (part: 'training' | 'test') =>
      sequencesOf(
        texts.map((text) => text[part]),
        steps,
      )
    const held = sequences('test')
    const indices = Array.from({ length: held.count }, (_, index) => index)
    return {
      ...spread({ examples: sequences('training'), clients, scheme, column: 'text', random }),
      test: subset(held, Uint32Array.from(drawn(indices, test, random))),
    }
  },
  topology: ({ clients }) => twoTier({ clients }),
  strategy: ({ fraction }) => fedAvg({ fraction }),
})

/** The roles with two lines or more of all plays in a folder, in a fixed order. */
async function speakingRoles(folder: string): Promise<readonly Role[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.md')).toSorted()
  const plays = await Promise.all(files.map(async (file) => rolesOf(file, await readFile(join(folder, file), 'utf8'))))
  return plays.flat().filter(({ lines }) => lines.length >= 2)
}

function drawn<Item>(items: readonly Item[], count: number, random: RandomStream): readonly Item[] {
  const order = random.shuffle(Uint32Array.from(items, (_, index) => index))
  return Array.from(order.subarray(0, count), (index) => items[index]).filter((item) => item !== undefined)
}
