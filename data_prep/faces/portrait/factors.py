"""What a drawn photograph is made of: who is in it (Identity) and how it was taken (Conditions).

Lengths are in units of half the height of the head, so a head reaches from y = -1 (crown) to
y = +1 (chin); x points to the right of the picture, y down, z towards the camera, the origin is in
the middle of the head. Colours are sRGB, 0 to 255. Angles are degrees.
"""

from dataclasses import dataclass

Colour = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who somebody is: the factors shared by all photographs of a person.

    Attributes:
        face_width: half width of the head.
        jaw: widening of the head at mouth height, fraction of the width.
        chin: widening of the head at the chin, fraction of the width.
        cheekbones: widening below the eyes, fraction of the width; also their relief.
        forehead: widening above the brows, fraction of the width.
        skin: colour of the skin.
        eye_spacing: from the middle of the face to the middle of an eye.
        eye_height: y of the eyes.
        eye_width: half length of an eye.
        eye_opening: half height of an open eye.
        eye_tilt: rise of the outer corner over the inner one, over half an eye length.
        eye_depth: how deep the eyes lie.
        lid: height of the upper lid's fold over the eye.
        iris: colour of the iris.
        iris_size: radius of the iris.
        brow_height: from the eye up to the brow.
        brow_length: half length of a brow.
        brow_thickness: half thickness of a brow.
        brow_arch: height of the brow's bow.
        brow_tilt: rise of its outer end.
        nose_length: from the eyes down to the tip.
        nose_width: half width at the nostrils.
        nose_bridge: how far the tip stands out.
        nose_bulb: roundness of the tip.
        mouth_height: from the tip of the nose down to the seam of the lips.
        mouth_width: half width of the closed mouth.
        upper_lip: thickness.
        lower_lip: thickness.
        lip_bow: depth of the notch in the upper lip, fraction of its thickness.
        lip_red: redness of the lips, 0 to 1.
        folds: strength of the folds from nose to mouth, 0 to 1.
        ear_size: half height of an ear.
        hair: colour of hair, brows and beard.
        hairline: y of the hair's edge over the forehead.
        temples: y of its edge at the temples.
        sideburns: y of its lower end before the ears.
        parting: slope of its edge from left to right.
        hair_volume: thickness of the hair.
        hair_length: y of the lower end of hair behind the head.
        curls: waviness of the outline, 0 to 1.
        beard: density, 0 (none) to 1.
        freckles: number of freckles.
        moles: number of moles.
        marks: seed of where freckles and moles lie, of the skin's texture and fine relief.
    """

    face_width: float
    jaw: float
    chin: float
    cheekbones: float
    forehead: float
    skin: Colour
    eye_spacing: float
    eye_height: float
    eye_width: float
    eye_opening: float
    eye_tilt: float
    eye_depth: float
    lid: float
    iris: Colour
    iris_size: float
    brow_height: float
    brow_length: float
    brow_thickness: float
    brow_arch: float
    brow_tilt: float
    nose_length: float
    nose_width: float
    nose_bridge: float
    nose_bulb: float
    mouth_height: float
    mouth_width: float
    upper_lip: float
    lower_lip: float
    lip_bow: float
    lip_red: float
    folds: float
    ear_size: float
    hair: Colour
    hairline: float
    temples: float
    sideburns: float
    parting: float
    hair_volume: float
    hair_length: float
    curls: float
    beard: float
    freckles: int
    moles: int
    marks: int


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """How one photograph was taken: everything that says nothing about who is in it.

    Attributes:
        yaw: turn of the head, towards the right of the picture.
        pitch: nod, positive looks down.
        roll: turn in the picture's plane, clockwise.
        scale: half height of the head, fraction of the picture's side.
        shift_x: offset of the head's middle from the picture's, fraction of the side.
        shift_y: the same, downwards.
        smile: -0.2 (sad) to 1.
        mouth_open: 0 to 1.
        eyelid: how far the eyes are open, fraction.
        brow_raise: lift of the brows.
        gaze_x: where the eyes look, -1 to 1.
        gaze_y: the same, downwards.
        light_side: angle of the light, towards the right of the picture.
        light_height: angle of the light above the horizon.
        light: strength of the directed light.
        ambient: strength of the light from everywhere.
        warmth: colour of the directed light, -1 (blue) to 1 (orange).
        tint: colour of the ambient light, three factors.
        exposure: stops.
        background: two colours, left above and right below.
        clutter: seed of the blurred shapes behind the person.
        clothes: colour.
        glasses: "" (none), "clear" or "tinted".
        glasses_size: half width of a glass.
        glasses_colour: colour of the frame.
        hair_tousle: what the day adds to hairline, parting and volume.
        blur: standard deviation of the lens blur, fraction of the picture's side.
        noise: standard deviation of the sensor's noise, grey levels.
        noise_seed: seed of that noise.
        jpeg_quality: quality of the file.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    scale: float = 0.32
    shift_x: float = 0.0
    shift_y: float = 0.0
    smile: float = 0.0
    mouth_open: float = 0.0
    eyelid: float = 1.0
    brow_raise: float = 0.0
    gaze_x: float = 0.0
    gaze_y: float = 0.0
    light_side: float = 20.0
    light_height: float = 35.0
    light: float = 0.75
    ambient: float = 0.45
    warmth: float = 0.0
    tint: Colour = (1.0, 1.0, 1.0)
    exposure: float = 0.0
    background: tuple[Colour, Colour] = ((150.0, 160.0, 170.0), (110.0, 120.0, 135.0))
    clutter: int = 0
    clothes: Colour = (70.0, 80.0, 110.0)
    glasses: str = ""
    glasses_size: float = 0.22
    glasses_colour: Colour = (30.0, 28.0, 28.0)
    hair_tousle: tuple[float, float, float] = (0.0, 0.0, 0.0)
    blur: float = 0.0
    noise: float = 0.0
    noise_seed: int = 0
    jpeg_quality: int = 95
