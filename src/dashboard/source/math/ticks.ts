// Where an axis has its ticks. Pure; how a tick is written is the axis's business.

import type { Scale } from "./scales";

/** Round steps of 1, 2 and 5 between two values; about `count`, never more than twice that. */
export function linearTicks(from: number, to: number, count: number): number[] {
  if (!(to > from) || !(count > 0)) return [from];
  return multiples(from, to, roundStep((to - from) / count));
}

function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999) ?? 10;
  return factor * power;
}

function multiples(from: number, to: number, step: number): number[] {
  const ticks = [];
  for (let k = Math.ceil(from / step - 1e-9); k * step <= to + step * 1e-9; k++) ticks.push(tidy(k * step));
  return ticks;
}

// 0.30000000000000004 is written 0.3.
function tidy(value: number): number {
  return Number(value.toPrecision(12));
}

const TIME_STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800,
];

/** Ticks in seconds at steps that clocks have. */
export function timeTicks(from: number, to: number, count: number): number[] {
  if (!(to > from)) return [from];
  const rough = (to - from) / count;
  const step = TIME_STEPS.find((step) => step >= rough) ?? roundStep(rough / 604_800) * 604_800;
  return multiples(from, to, step);
}

/** Powers of ten; with 2 and 5 between them where there is room, and a linear axis's ticks where it is narrow. */
export function logarithmicTicks(from: number, to: number, count: number): number[] {
  const decades = Math.log10(to / from);
  if (!(decades > 0) || !(from > 0)) return [from];
  if (decades < 0.7) return linearTicks(from, to, count);
  const factors = decades <= count / 2 ? [1, 2, 5] : [1];
  const stride = Math.max(1, Math.ceil(decades / count));
  const ticks = [];
  for (let power = Math.floor(Math.log10(from)); power <= Math.ceil(Math.log10(to)); power++) {
    if (power % stride !== 0) continue;
    ticks.push(...factors.map((factor) => tidy(factor * 10 ** power)));
  }
  return ticks.filter((tick) => tick >= from * 0.9999 && tick <= to * 1.0001);
}

/** Scores whose errors are round: 0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, ... */
export function errorTicks(from: number, to: number, count: number): number[] {
  const [least, most] = [Math.max(1 - to, 1e-6), Math.max(1 - from, 2e-6)];
  const errors = logarithmicTicks(least, most, count);
  return errors.map((error) => tidy(1 - error)).reverse();
}

/** The ticks of a scale. */
export function ticksOf(scale: Scale, count: number): number[] {
  if (scale.kind === "logarithmic") return logarithmicTicks(scale.from, scale.to, count);
  if (scale.kind === "error") return errorTicks(scale.from, scale.to, count);
  return linearTicks(scale.from, scale.to, count);
}

/** How many decimals tell these ticks apart. */
export function decimalsOf(ticks: number[], decimalsMax = 6): number {
  for (let decimals = 0; decimals < decimalsMax; decimals++) {
    const exact = (tick: number) => Math.abs(tick - Number(tick.toFixed(decimals))) < 1e-9 * Math.max(1, Math.abs(tick));
    if (ticks.every(exact)) return decimals;
  }
  return decimalsMax;
}
