import { initializerSpec } from '../../learn/initializer.ts'
import type { Plan, Tensor } from '../plan.ts'
import { tensorSize } from '../plan.ts'
import { type DenseSettings, dense } from './dense.ts'
import { activation, add, fanOut } from './elementwise.ts'

/** The endings of the adapters' names. */
export const adapterTensors = ['/lora_a/kernel', '/lora_b/kernel'] as const

/** A dense layer whose kernel W has an adapter: x·W + b + scale·(x·A)·B. */
export function adaptedDense(plan: Plan, { relu, ...settings }: DenseSettings, given: Tensor): Tensor {
  const { name, units } = settings
  const [own = given, low = given] = fanOut(plan, name, given, 2)
  const y = dense(plan, { ...settings, relu: false }, own)
  const b = dense(
    plan,
    {
      ...{ name: `${name}/lora_b`, units, relu: false, biasInitializer: undefined },
      kernelInitializer: initializerSpec('zeros'),
    },
    adapterInput(plan, name, low),
  )
  const sum = add(plan, name, [y, b])
  return relu ? activation(plan, name, { type: 'rectifier', slope: 0, most: Number.POSITIVE_INFINITY }, sum) : sum
}

/** scale·x·A, with A of the plan's rank. `name` is that of the kernel, but for its last part. */
export function adapterInput(plan: Plan, name: string, x: Tensor): Tensor {
  const { rank = 1, scale = 1 } = plan.adapters ?? {}
  const a = dense(
    plan,
    {
      ...{ name: `${name}/lora_a`, units: rank, relu: false, biasInitializer: undefined },
      kernelInitializer: initializerSpec('heUniform'),
    },
    x,
  )
  return scale === 1 ? a : scaled(plan, name, scale, a)
}

function scaled(plan: Plan, name: string, scale: number, x: Tensor): Tensor {
  const y = plan.tensorLike(x)
  const size = tensorSize(y)
  plan.ops.push({
    name,
    forward(kernels, { batch }) {
      kernels.fill(y.value, 0, batch * size)
      kernels.addScaled(x.value, scale, y.value, batch * size)
    },
    backward(kernels, { batch }) {
      kernels.fill(x.gradient, 0, batch * size)
      kernels.addScaled(y.gradient, scale, x.gradient, batch * size)
    },
  })
  return y
}
