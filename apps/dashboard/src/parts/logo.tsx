/** Rows that fall in: the mark of Muster. */
export function Logo() {
  return (
    <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true" class="logo">
      <rect width="32" height="32" rx="8" class="logo-ground" />
      <g class="logo-mark">
        <circle cx="9" cy="10" r="2.6" />
        <circle cx="16" cy="10" r="2.6" opacity=".75" />
        <circle cx="23" cy="10" r="2.6" opacity=".5" />
        <rect x="6.4" y="15" width="19.2" height="2.6" rx="1.3" />
        <rect x="6.4" y="20.4" width="12.6" height="2.6" rx="1.3" opacity=".75" />
      </g>
    </svg>
  );
}
