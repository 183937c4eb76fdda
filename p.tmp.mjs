const t0 = performance.now()
const T = () => ((performance.now() - t0) / 1000).toFixed(2)
const { loadWorkload, workerPool } = await import('flame-fl/sdk/node')
const { workload: m, module } = await loadWorkload('examples/mnist')
console.log('loaded', T(), module.href)
const N = +process.argv[2] || 2
const pool = await workerPool({ module, settings: m.settings, seed: 1, workers: N })
console.log('pool', T(), pool.layout.size, pool.clients)
let w = await pool.initialWeights()
for (let r = 1; r <= 10; r++) {
  const us = await Promise.all(
    Array.from({ length: 10 }, (_, c) => {
      const k = (c + r * 10) % 100
      return pool.train({ client: k, end: 'trainer-' + k, round: r, weights: w, terms: {} })
    }),
  )
  w = w.map((v, i) => v + us.reduce((s, u) => s + u.delta[i], 0) / 10)
  const e = await pool.evaluate(w)
  console.log(r, us[3].metrics.loss, e.metrics.loss, e.metrics.accuracy, T())
}
await pool.close()
