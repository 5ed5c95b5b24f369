"""Everyday words that mean nearly the same, in Spanish and English.

Small embedding models know little Spanish, and a search by words knows nothing but words: someone
who asks for "mi mascota" means the message that says "perro". The groups cover what people tell a
companion about; each line is one. They are our own selection, kept to words that can stand for one
another in a question.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from luminora.providers.lexical import stemmed

MOST_RELATED: Final = 16
"""Words that one word of a question may bring in."""

GROUPS: Final = """
mascota perro perra perrito cachorro gato gata gatito tortuga loro conejo hamster pet dog puppy cat
gato gata gatito gatita minino felino michi cat kitten
perro perra perrito cachorro can dog puppy
bicho mascota perro gato pet
veterinario veterinaria vet collar correa croquetas
coche carro auto automovil vehiculo camioneta camion furgoneta furgo car truck van vehicle
transporte transportar autobus bus metro tren transport train
moto motocicleta motorcycle bike
bici bicicleta bicycle bike cycling
piso apartamento departamento casa vivienda hogar flat apartment house home
vivir mudar mudanza vivo viviendo trasladar traslado instalar live living move moved
alquiler renta arriendo casero inquilino rent landlord
ciudad pueblo city town
trabajo empleo curro chamba laburo puesto profesion oficio job work career profession
trabajar currar laburar work
renunciar renuncie dejar dimitir dimision quit resign resigned
oferta ofrecer ofrecieron propuesta offer offered
autonomo autonoma freelance independiente
oficina despacho banco estudio office
contabilidad contable contador contadora accounting accountant
jefe jefa boss manager
empresa compania company firm
despedir despido echar paro desempleo fired laid unemployed
sueldo salario paga salary pay wage
entrevista interview
companero compa colega colleague coworker
madre mama mami mother mom mum
padre papa papi father dad
padres parents
hermano hermana brother sister sibling
hijo hija nino nina bebe son daughter child children kid kids baby
abuelo abuela grandfather grandmother grandpa grandma
tio tia uncle aunt
primo prima cousin
sobrino sobrina nephew niece
esposo esposa marido mujer pareja husband wife spouse partner
novio novia pareja boyfriend girlfriend partner
relacion salir ligar cita conocer dating relationship
boda casarse casamiento matrimonio wedding marry married marriage
ruptura romper separarse separacion separamos divorcio cortar cortamos breakup divorce separated
embarazo embarazada parto nacer mellizos gemelos pregnant pregnancy
amigo amiga cuate parcero friend buddy
cumpleanos cumple cumplir birthday
regalo obsequio gift present
fiesta celebracion party celebration celebrate
medico doctora doctor hospital clinica physician
enfermedad enfermo enferma enfermar malo sick ill illness disease
operacion cirugia operar operaron quirofano surgery operation
alergia estornudar polen gramineas allergy sneeze
medicina medicamento pastilla pastillas remedio medicine medication pill
dolor doler pain hurt ache
alergia alergico alergica allergy allergic
lesion lesionar esguince fractura fascitis rotura cayo caida injury injured sprain fracture
azucar diabetes diabetico dulce sugar diabetes
corazon cardiologo soplo heart
dieta vegano vegana vegetariano vegetariana carne diet vegan vegetarian meat
ansiedad estres agobio nervios anxiety stress nervous
triste tristeza deprimido deprimida llorar sad sadness depressed cry
feliz contento contenta alegre alegria happy glad joy
miedo temor asustado asustada susto fear afraid scared
enfado enfadado enojo enojado enojada rabia angry anger mad
preocupado preocupada preocupacion worried worry
morir murio muerte fallecer fallecio muerto die died death dead passed
viaje viajar vacaciones excursion escapada trip travel vacation holiday journey
vuelo volar avion aeropuerto flight
emigrar migratorio migracion visa visado residencia pasaporte permiso immigration visa passport
extranjero pais canada estados canadiense abroad country
hotel hostal alojamiento hostel accommodation
playa mar costa beach sea coast
montana sierra monte mountain hike hiking senderismo
comida comer plato cena almuerzo food eat meal dish dinner lunch
cocinar cocina receta cook cooking recipe
restaurante restaurant
postre pastel tarta torta dulce dessert cake sweet
bebida beber cafe te drink coffee tea
pelicula peli cine film movie cinema
serie series show
libro novela leer lectura book novel read reading
musica cancion grupo banda concierto music song band concert
tocar instrumento guitarra piano play instrument guitar
pintar pintura dibujo dibujar cuadro paint painting draw drawing
baile bailar danza dance dancing
juego jugar videojuego videojuegos game videogame play
deporte entrenar gimnasio ejercicio gym sport exercise workout training
futbol partido equipo hincha camiseta soccer football match team
correr maraton carrera corri kilometros run running marathon race
nadar natacion piscina alberca swim swimming pool
anime manga
escuela colegio instituto school
universidad carrera facultad uni university college degree
estudiar estudio estudios study studying studies
examen prueba oposicion oposiciones exam test
clase curso taller class course workshop
profesor profesora maestro maestra profe teacher professor
entrenador entrenadora entrenar coach trainer
idioma lengua ingles frances listening language english
nota calificacion resultado puntuacion saque aprobar suspender reprobar pase grade result pass fail
especialidad medicina pediatria cirugia residencia specialty
oposicion plaza lista temario
dinero plata pasta lana money cash
pagar pague costo costar precio euros pesos dolares caro pay paid cost price
aumento subida sueldo raise
ahorrar ahorros save savings
deuda prestamo hipoteca debt loan mortgage
comprar compra adquirir buy bought purchase
vender venta sell sold
ordenador computadora portatil laptop computer
movil celular telefono phone mobile cellphone
plan pensado intencion proyecto quiero pienso plans project want intend
sueno meta objetivo dream goal aim
fobia phobia
gustar encantar favorito favorita preferir like love favorite favourite prefer
odiar detestar hate dislike
hobby aficion pasatiempo hobbies pastime
planta plantas huerto jardin plant garden gardening
robo robar robaron ladron steal stolen robbed theft
accidente choque chocar pegaron atropellar cayo accident crash
perder perdido extraviar escapar salio buscando lose lost
encontrar encontre encontro hallar aparecer find found
huir escapar correr fugarse run fled
licencia permiso denegar permit license
obra reforma reformar construir renovation build
fabricar hacer hice construir made build
arreglar reparar componer fix repair
roto romper estropear averia averiar broken break
vecino vecina neighbor neighbour
barrio zona neighborhood
chofer conductor driver
carpinteria carpintero madera mueble mesa carpentry wood furniture
dormir sueno insomnio sleep insomnia
religion iglesia fe church faith
direccion domicilio address
nombre llamar llamo name called
apodo mote nickname
edad anos age old
nacer nacimiento naci born birth
pais origen country
voluntario voluntariado volunteer volunteering charity
ascenso ascender promotion promoted
jubilar jubilacion retire retirement retirado pension
negocio tienda emprender business shop store
"""


def related(text: str) -> list[tuple[str, str]]:
    """Words that mean nearly the same as words of ``text``: ``(word, the word it is like)``."""
    table = _table()
    found: dict[str, str] = {}
    for stems in stemmed(text):
        near = [word for stem in stems for word in table.get(stem, ())]
        for word in list(dict.fromkeys(near))[:MOST_RELATED]:
            if stemmed(word)[0] != stems:
                found.setdefault(word, stems[0])
    return list(found.items())


@cache
def _table() -> dict[str, list[str]]:
    """For each stem the words of its groups."""
    table: dict[str, list[str]] = {}
    for line in GROUPS.strip().splitlines():
        group = line.split()
        for word in group:
            for stem in stemmed(word)[0]:
                table.setdefault(stem, []).extend(group)
    return table
