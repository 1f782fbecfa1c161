/** Each text colour has a contrast of at least 4.5 to 1 on the grounds that it is used on. */
export const color = {
  ground: '#f4f3ef',
  surface: '#ffffff',
  line: '#dedbd2',
  /** Edges that tell a control from its ground: at least 3 to 1. */
  edge: '#85867f',
  ink: '#1c1d1f',
  quiet: '#63645f',
  accent: '#0b6b57',
  accentPressed: '#08513f',
  accentTint: '#e2f1ec',
  onAccent: '#ffffff',
  warning: '#7a4a00',
  warningTint: '#fff1d6',
} as const;

export const radius = 12;

/** The smallest side of anything to be tapped. */
export const touch = 44;

/** From this width on, products and cart stand side by side. */
export const wide = 760;

/** How wide the cart is beside the products. */
export const counterWidth = 360;

/** How far the ring around the control in focus reaches beyond it (see public/page.css). */
export const focusRing = 5;
