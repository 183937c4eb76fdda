import { type ActorRef, actorSystem } from '../../runtime/index.ts'
import { accumulator, layoutOf, randomStream, weightsHash } from '../../sdk/index.ts'
import { orthogonal } from '../../sdk/learn/initializer.ts'
import { dirichlet, normal } from '../../sdk/random/distributions.ts'

/** Work that has the same result on every platform. */
export async function reproducibleWork(seed: number) {
  return {
    stream: await streamHash(seed),
    draws: await drawsHash(seed),
    orthogonal: await weightsHash(orthogonal([64, 40], 1, randomStream(seed, 'orthogonal'))),
    sum: await sumHash(seed),
    asked: await askedSum(100),
  }
}

const size = 10_000
const layout = layoutOf([{ name: 'weights', shape: [size] }])

/** Hash of a stream's draws: integers, fractions, bounded integers and an order. */
function streamHash(seed: number): Promise<string> {
  const random = randomStream(seed, 7, 'trainer-3', 'train')
  const order = random.shuffle(Uint32Array.from({ length: size }, (_, index) => index))
  const draws = Float64Array.from(order, (bound) => random.uint32() + random.uniform() + random.below(bound + 1))
  return weightsHash(new Float32Array(draws.buffer))
}

/** Hash of draws from the distributions that initial weights and partitions come from. */
function drawsHash(seed: number): Promise<string> {
  const random = randomStream(seed, 'draws')
  const normals = Array.from({ length: size }, () => normal(random))
  const shares = Array.from({ length: 100 }).flatMap(() => [...dirichlet(random, 0.3, 10)])
  return weightsHash(new Float32Array(Float64Array.of(...normals, ...shares).buffer))
}

/** Hash of the mean of random updates, half of which are summed apart and merged. */
function sumHash(seed: number): Promise<string> {
  const top = accumulator({ layout })
  const middle = accumulator({ layout })
  for (let client = 0; client < 10; client++) {
    const end = `trainer-${client}`
    const random = randomStream(seed, 1, end)
    const delta = Float32Array.from({ length: size }, () => random.uniform() - 0.5)
    const sum = client % 2 === 0 ? top : middle
    sum.add({ end, delta, weight: 1 + random.below(1_000) })
  }
  top.merge('middle', middle.partial())
  return weightsHash(top.mean())
}

interface Addition {
  readonly value: number
  readonly replyTo: ActorRef<number>
}

/** The last answer of an adding actor that is asked with the numbers 1 … count. */
async function askedSum(count: number): Promise<number> {
  const system = actorSystem()
  const adder = system.spawn<Addition>('adder', () => {
    let sum = 0
    return ({ value, replyTo }) => {
      sum += value
      replyTo.tell(sum)
    }
  })
  let last = 0
  for (let value = 1; value <= count; value++) {
    last = await system.ask<number, Addition>(adder, (replyTo) => ({ value, replyTo }), { timeoutMs: 60_000 })
  }
  await system.terminate()
  return last
}
